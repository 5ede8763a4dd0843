-- A closing can be superseded by a new one, with who did it and why; the old one stays as it was. SQLite can't change a key,
-- so the tables are made anew.
CREATE TABLE closing_with_revisions (
    profile   TEXT    NOT NULL,
    month     TEXT    NOT NULL,              -- 2026-10
    seq       INTEGER NOT NULL,              -- the log up to here made the figures
    closed_at INTEGER NOT NULL,              -- unix seconds, our clock
    inputs    TEXT    NOT NULL,              -- the profile's knobs, zone, versions of ledger and normaliser
    hash      TEXT    NOT NULL,              -- SHA-256 of month, seq and inputs
    revision  INTEGER NOT NULL,              -- 1 as it was first closed; the greatest holds
    who       TEXT    NOT NULL,              -- '' where it was closed before this was kept
    reason    TEXT    NOT NULL,              -- why it took the place of the one before; '' for the first
    PRIMARY KEY (profile, month, revision)
) STRICT, WITHOUT ROWID;
INSERT INTO closing_with_revisions SELECT profile, month, seq, closed_at, inputs, hash, 1, '', '' FROM closing;
DROP TABLE closing;
ALTER TABLE closing_with_revisions RENAME TO closing;

CREATE TABLE closing_total_with_revisions (
    profile  TEXT    NOT NULL,
    month    TEXT    NOT NULL,
    livemode INTEGER NOT NULL,
    account  TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    line     TEXT    NOT NULL,               -- opening, closing, or the kind of movement summed
    amount   TEXT    NOT NULL,               -- 10⁻⁶ minor units: a sum may be longer than a column of integers
    revision INTEGER NOT NULL,
    PRIMARY KEY (profile, month, revision, livemode, account, currency, line)
) STRICT, WITHOUT ROWID;
INSERT INTO closing_total_with_revisions SELECT profile, month, livemode, account, currency, line, amount, 1 FROM closing_total;
DROP TABLE closing_total;
ALTER TABLE closing_total_with_revisions RENAME TO closing_total;

CREATE TABLE closing_customer_with_revisions (
    profile  TEXT    NOT NULL,
    month    TEXT    NOT NULL,
    livemode INTEGER NOT NULL,
    account  TEXT    NOT NULL,
    customer TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    opening  INTEGER NOT NULL,               -- 10⁻⁶ minor units
    closing  INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (profile, month, revision, livemode, account, customer, currency)
) STRICT, WITHOUT ROWID;
INSERT INTO closing_customer_with_revisions
    SELECT profile, month, livemode, account, customer, currency, opening, closing, 1 FROM closing_customer;
DROP TABLE closing_customer;
ALTER TABLE closing_customer_with_revisions RENAME TO closing_customer;

CREATE TABLE closing_movement_with_revisions (
    profile      TEXT    NOT NULL,
    month        TEXT    NOT NULL,
    livemode     INTEGER NOT NULL,
    account      TEXT    NOT NULL,
    customer     TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    currency     TEXT    NOT NULL,
    day          TEXT    NOT NULL,
    effective_at INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    amount       INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    PRIMARY KEY (profile, month, revision, livemode, account, customer, id)
) STRICT, WITHOUT ROWID;
INSERT INTO closing_movement_with_revisions
    SELECT profile, month, livemode, account, customer, id, currency, day, effective_at, kind, amount, 1 FROM closing_movement;
DROP TABLE closing_movement;
ALTER TABLE closing_movement_with_revisions RENAME TO closing_movement;

CREATE TRIGGER closing_no_update BEFORE UPDATE ON closing BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_no_delete BEFORE DELETE ON closing BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_total_no_update BEFORE UPDATE ON closing_total BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_total_no_delete BEFORE DELETE ON closing_total BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_customer_no_update BEFORE UPDATE ON closing_customer BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_customer_no_delete BEFORE DELETE ON closing_customer BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_movement_no_update BEFORE UPDATE ON closing_movement BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_movement_no_delete BEFORE DELETE ON closing_movement BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
