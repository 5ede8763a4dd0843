-- Which log this is, so that another one in its place is told from it.
CREATE TABLE log_identity (
    id TEXT PRIMARY KEY
) STRICT;
INSERT INTO log_identity (id) VALUES (lower(hex(randomblob(16))));
CREATE TRIGGER log_identity_no_update BEFORE UPDATE ON log_identity BEGIN SELECT RAISE(ABORT, 'a log keeps its identity'); END;
CREATE TRIGGER log_identity_no_delete BEFORE DELETE ON log_identity BEGIN SELECT RAISE(ABORT, 'a log keeps its identity'); END;

-- A lease lasts by its holder's renewals. Where the holder runs tells who is gone for good.
ALTER TABLE lease ADD COLUMN renewals INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lease ADD COLUMN place TEXT NOT NULL DEFAULT '';
