-- Closed months: what was reported, kept beside the log and never touched again. A rebuild leaves it alone.

CREATE TABLE closing (
    profile   TEXT    NOT NULL,
    month     TEXT    NOT NULL,              -- 2026-10
    seq       INTEGER NOT NULL,              -- the log up to here made the figures
    closed_at INTEGER NOT NULL,              -- unix seconds, our clock
    inputs    TEXT    NOT NULL,              -- the profile's knobs, zone, versions of ledger and normaliser
    hash      TEXT    NOT NULL,              -- SHA-256 of month, seq and inputs
    PRIMARY KEY (profile, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE closing_total (
    profile  TEXT    NOT NULL,
    month    TEXT    NOT NULL,
    livemode INTEGER NOT NULL,
    account  TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    line     TEXT    NOT NULL,               -- opening, closing, or the kind of movement summed
    amount   TEXT    NOT NULL,               -- 10⁻⁶ minor units: a sum may be longer than a column of integers
    PRIMARY KEY (profile, month, livemode, account, currency, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE closing_customer (
    profile  TEXT    NOT NULL,
    month    TEXT    NOT NULL,
    livemode INTEGER NOT NULL,
    account  TEXT    NOT NULL,
    customer TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    opening  INTEGER NOT NULL,               -- 10⁻⁶ minor units
    closing  INTEGER NOT NULL,
    PRIMARY KEY (profile, month, livemode, account, customer, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE closing_movement (
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
    PRIMARY KEY (profile, month, livemode, account, customer, id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER closing_no_update BEFORE UPDATE ON closing BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_no_delete BEFORE DELETE ON closing BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_total_no_update BEFORE UPDATE ON closing_total BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_total_no_delete BEFORE DELETE ON closing_total BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_customer_no_update BEFORE UPDATE ON closing_customer BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_customer_no_delete BEFORE DELETE ON closing_customer BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_movement_no_update BEFORE UPDATE ON closing_movement BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
CREATE TRIGGER closing_movement_no_delete BEFORE DELETE ON closing_movement BEGIN SELECT RAISE(ABORT, 'a closed month stays as it was closed'); END;
