-- What feeds tell: each movement as it was first seen, then each correction of it. Records beside the log, in the order they
-- were found; a rebuild leaves them.
CREATE TABLE feed_entry (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the cursor
    movement TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL, -- 1 as it was first seen; one more with each correction
    change TEXT COLLATE "C" NOT NULL, -- created, corrected or removed
    customer TEXT COLLATE "C" NOT NULL,
    day TEXT COLLATE "C" NOT NULL, -- its accounting day
    digest TEXT COLLATE "C" NOT NULL, -- of what it says, to tell whether it changed
    content TEXT COLLATE "C" NOT NULL, -- the movement as JSON; of a removed one as it last was
    previous TEXT COLLATE "C", -- what was told before; null in the first version
    created_at BIGINT NOT NULL, -- unix seconds, our clock
    UNIQUE (movement, version)
);

CREATE INDEX feed_entry_by_day ON feed_entry (day, position);
