-- Saved segments: conditions of customers by a name, kept as versions. Records beside the log; a version is never changed, only
-- followed by a later one of the same name.
CREATE TABLE segment_version (
    id          INTEGER PRIMARY KEY,         -- 1, 2, 3, … without a hole; the latest of a name is the one that holds
    name        TEXT    NOT NULL,
    condition   TEXT    NOT NULL,            -- as the language writes it; '': the name means nothing from here on
    recorded_at INTEGER NOT NULL,            -- unix seconds, our clock
    log_seq     INTEGER NOT NULL,            -- the log's end then: known to whoever asks as of a later place
    who         TEXT    NOT NULL             -- by whom, as the audit trail has it
) STRICT;

CREATE TRIGGER segment_version_no_update BEFORE UPDATE ON segment_version BEGIN SELECT RAISE(ABORT, 'a segment stays as it was saved'); END;
CREATE TRIGGER segment_version_no_delete BEFORE DELETE ON segment_version BEGIN SELECT RAISE(ABORT, 'a segment stays as it was saved'); END;
