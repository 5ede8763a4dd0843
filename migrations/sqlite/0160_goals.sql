-- Goals: what was promised, by whom and by when. Records beside the log; a goal is never changed, only set anew or ended.

CREATE TABLE goal (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL,            -- the latest of a name is the one that runs
    metric     TEXT    NOT NULL,
    target     TEXT    NOT NULL,            -- a decimal: minor units, customers or a share of 1
    currency   TEXT    NOT NULL,            -- whose ledger: a currency's own, or 'reporting'
    profile    TEXT    NOT NULL,            -- whose rules
    account    TEXT    NOT NULL,            -- '' for the account's own events, 'all', or a connected account
    first_day  TEXT    NOT NULL,            -- the first that counts
    last_day   TEXT    NOT NULL,            -- the one at whose end it is due
    owner      TEXT    NOT NULL,
    note       TEXT    NOT NULL,
    created_at INTEGER NOT NULL             -- unix seconds, our clock
) STRICT;

CREATE TABLE goal_end (
    goal       INTEGER PRIMARY KEY REFERENCES goal (id),
    reason     TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER goal_no_update BEFORE UPDATE ON goal BEGIN SELECT RAISE(ABORT, 'a goal stays as it was set'); END;
CREATE TRIGGER goal_no_delete BEFORE DELETE ON goal BEGIN SELECT RAISE(ABORT, 'a goal stays as it was set'); END;
CREATE TRIGGER goal_end_no_update BEFORE UPDATE ON goal_end BEGIN SELECT RAISE(ABORT, 'the end of a goal stays'); END;
CREATE TRIGGER goal_end_no_delete BEFORE DELETE ON goal_end BEGIN SELECT RAISE(ABORT, 'the end of a goal stays'); END;
