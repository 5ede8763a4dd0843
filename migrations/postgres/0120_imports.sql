-- What people know of customers beside Stripe: imported attributes, dated, numbered and kept for ever, sealed into a chain of
-- their own. A correction is a later row. Of no generation: no rebuild touches them.
CREATE TABLE import (
    id BIGINT PRIMARY KEY, -- 1, 2, 3, … without a hole
    kind TEXT COLLATE "C" NOT NULL, -- attributes
    recorded_at BIGINT NOT NULL, -- unix seconds, our clock
    log_seq BIGINT NOT NULL, -- the log's end then: known to whoever asks as of a later place
    who TEXT COLLATE "C" NOT NULL, -- by whom, as the audit trail has it
    file TEXT COLLATE "C" NOT NULL, -- what the file was called; '' for none
    taken BIGINT NOT NULL, -- rows
    set_aside BIGINT NOT NULL, -- lines that couldn't be taken
    seal BYTEA NOT NULL -- SHA-256 of the seal before, these columns, every row and every line set aside
);

CREATE TABLE import_attribute (
    import BIGINT NOT NULL,
    line BIGINT NOT NULL, -- of the file, from 1
    metadata_key TEXT COLLATE "C" NOT NULL, -- '': customer is Stripe's id; else whoever's metadata has customer under this key
    customer TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL, -- '': from that day on there is none
    valid_from TEXT COLLATE "C" NOT NULL, -- day in the ledger's zone
    PRIMARY KEY (import, line)
);
CREATE INDEX import_attribute_by_key ON import_attribute (key);

CREATE TABLE import_set_aside (
    import BIGINT NOT NULL,
    line BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL, -- what is wrong with it; never what it says of people
    PRIMARY KEY (import, line)
);

CREATE FUNCTION mrrd_import() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an import stays as it was recorded';
END $$;

CREATE TRIGGER import_no_change BEFORE UPDATE OR DELETE ON import FOR EACH ROW EXECUTE FUNCTION mrrd_import();
CREATE TRIGGER import_no_truncate BEFORE TRUNCATE ON import EXECUTE FUNCTION mrrd_import();
CREATE TRIGGER import_attribute_no_change BEFORE UPDATE OR DELETE ON import_attribute FOR EACH ROW EXECUTE FUNCTION mrrd_import();
CREATE TRIGGER import_attribute_no_truncate BEFORE TRUNCATE ON import_attribute EXECUTE FUNCTION mrrd_import();
CREATE TRIGGER import_set_aside_no_change BEFORE UPDATE OR DELETE ON import_set_aside FOR EACH ROW EXECUTE FUNCTION mrrd_import();
CREATE TRIGGER import_set_aside_no_truncate BEFORE TRUNCATE ON import_set_aside EXECUTE FUNCTION mrrd_import();
