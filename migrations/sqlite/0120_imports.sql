-- What people know of customers beside Stripe: imported attributes, dated, numbered and kept for ever, sealed into a chain of
-- their own. A correction is a later row. Of no generation: no rebuild touches them.
CREATE TABLE import (
    id          INTEGER PRIMARY KEY,         -- 1, 2, 3, … without a hole
    kind        TEXT    NOT NULL,            -- attributes
    recorded_at INTEGER NOT NULL,            -- unix seconds, our clock
    log_seq     INTEGER NOT NULL,            -- the log's end then: known to whoever asks as of a later place
    who         TEXT    NOT NULL,            -- by whom, as the audit trail has it
    file        TEXT    NOT NULL,            -- what the file was called; '' for none
    taken       INTEGER NOT NULL,            -- rows
    set_aside   INTEGER NOT NULL,            -- lines that couldn't be taken
    seal        BLOB    NOT NULL             -- SHA-256 of the seal before, these columns, every row and every line set aside
) STRICT;

CREATE TABLE import_attribute (
    import       INTEGER NOT NULL,
    line         INTEGER NOT NULL,           -- of the file, from 1
    metadata_key TEXT    NOT NULL,           -- '': customer is Stripe's id; else whoever's metadata has customer under this key
    customer     TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    value        TEXT    NOT NULL,           -- '': from that day on there is none
    valid_from   TEXT    NOT NULL,           -- day in the ledger's zone
    PRIMARY KEY (import, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX import_attribute_by_key ON import_attribute (key);

CREATE TABLE import_set_aside (
    import INTEGER NOT NULL,
    line   INTEGER NOT NULL,
    reason TEXT    NOT NULL,                 -- what is wrong with it; never what it says of people
    PRIMARY KEY (import, line)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER import_no_update BEFORE UPDATE ON import BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
CREATE TRIGGER import_no_delete BEFORE DELETE ON import BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
CREATE TRIGGER import_attribute_no_update BEFORE UPDATE ON import_attribute BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
CREATE TRIGGER import_attribute_no_delete BEFORE DELETE ON import_attribute BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
CREATE TRIGGER import_set_aside_no_update BEFORE UPDATE ON import_set_aside BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
CREATE TRIGGER import_set_aside_no_delete BEFORE DELETE ON import_set_aside BEGIN SELECT RAISE(ABORT, 'an import stays as it was recorded'); END;
