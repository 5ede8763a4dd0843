-- Alerts and what is due to whom: records beside the log, never derived from it alone. A rebuild leaves them.

CREATE TABLE alert (
    id              TEXT    NOT NULL PRIMARY KEY,   -- a hash of ledger, rule and episode: found again, it is the same
    rule            TEXT    NOT NULL,
    subject         TEXT    NOT NULL,               -- what of the rule's this is about: a movement, a currency, or ''
    day             TEXT    NOT NULL,               -- the accounting day it fired on
    raised_at       INTEGER NOT NULL,               -- unix seconds, our clock
    headline        TEXT    NOT NULL,
    content         TEXT    NOT NULL,               -- all it says, as JSON
    silenced        TEXT,                           -- why nobody was told; null where the channels were
    closed_at       INTEGER,                        -- when its episode was seen to be over; null while it goes on
    closed_why      TEXT,
    acknowledged_at INTEGER,
    acknowledged_by TEXT
) STRICT;

CREATE INDEX alert_by_time ON alert (raised_at, id);

CREATE TABLE outbox (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    alert        TEXT    NOT NULL,                  -- a test's id is of no alert
    event        TEXT    NOT NULL,                  -- raised, closed or test
    channel      TEXT    NOT NULL,                  -- its name in the configuration
    message      TEXT    NOT NULL,                  -- in every form, as JSON
    state        TEXT    NOT NULL,                  -- waiting, delivered or failed
    created_at   INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    next_at      INTEGER NOT NULL,                  -- not tried before
    delivered_at INTEGER,
    last_error   TEXT,                              -- free of secrets
    UNIQUE (alert, event, channel)
) STRICT;

CREATE INDEX outbox_due ON outbox (channel, next_at) WHERE state = 'waiting';

CREATE TABLE annotation (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    first_day  TEXT    NOT NULL,
    last_day   TEXT    NOT NULL,
    note       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE mute (
    rule       TEXT    NOT NULL PRIMARY KEY,
    until      INTEGER NOT NULL,                    -- unix seconds
    note       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
