-- An alert has versions: it is raised once, and told again when it rises further. One that was taken back was none.
ALTER TABLE alert ADD COLUMN version INTEGER NOT NULL DEFAULT 1;       -- the one that content tells
ALTER TABLE alert ADD COLUMN updated_at INTEGER;                       -- when it was last told again; null in the first version
ALTER TABLE alert ADD COLUMN taken_back INTEGER NOT NULL DEFAULT 0;    -- it turned out to be none, and silences nothing
UPDATE alert SET taken_back = 1 WHERE closed_why LIKE 'It no longer stands out%';

-- Each version has its messages. SQLite can't change a constraint, so the table is made anew.
CREATE TABLE outbox_with_versions (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    alert        TEXT    NOT NULL,                  -- a test's id is of no alert
    event        TEXT    NOT NULL,                  -- raised, updated, closed or test
    channel      TEXT    NOT NULL,                  -- its name in the configuration
    message      TEXT    NOT NULL,                  -- in every form, as JSON
    state        TEXT    NOT NULL,                  -- waiting, delivered or failed
    created_at   INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    next_at      INTEGER NOT NULL,                  -- not tried before
    delivered_at INTEGER,
    last_error   TEXT,                              -- free of secrets
    version      INTEGER NOT NULL DEFAULT 1,        -- of the alert, where the event is an update
    UNIQUE (alert, event, version, channel)
) STRICT;
INSERT INTO outbox_with_versions
    SELECT id, alert, event, channel, message, state, created_at, attempts, next_at, delivered_at, last_error, 1 FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_with_versions RENAME TO outbox;
CREATE INDEX outbox_due ON outbox (channel, next_at) WHERE state = 'waiting';
