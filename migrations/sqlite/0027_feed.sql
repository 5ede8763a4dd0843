-- What feeds tell: each movement as it was first seen, then each correction of it. Records beside the log, in the order they
-- were found; a rebuild leaves them.
CREATE TABLE feed_entry (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,  -- the cursor
    movement   TEXT    NOT NULL,
    version    INTEGER NOT NULL,                   -- 1 as it was first seen; one more with each correction
    change     TEXT    NOT NULL,                   -- created, corrected or removed
    customer   TEXT    NOT NULL,
    day        TEXT    NOT NULL,                   -- its accounting day
    digest     TEXT    NOT NULL,                   -- of what it says, to tell whether it changed
    content    TEXT    NOT NULL,                   -- the movement as JSON; of a removed one as it last was
    previous   TEXT,                               -- what was told before; null in the first version
    created_at INTEGER NOT NULL,                   -- unix seconds, our clock
    UNIQUE (movement, version)
) STRICT;

CREATE INDEX feed_entry_by_day ON feed_entry (day, position);
