-- Saved segments: conditions of customers by a name, kept as versions. Records beside the log; a version is never changed, only
-- followed by a later one of the same name.
CREATE TABLE segment_version (
    id BIGINT PRIMARY KEY, -- 1, 2, 3, … without a hole; the latest of a name is the one that holds
    name TEXT COLLATE "C" NOT NULL,
    condition TEXT COLLATE "C" NOT NULL, -- as the language writes it; '': the name means nothing from here on
    recorded_at BIGINT NOT NULL, -- unix seconds, our clock
    log_seq BIGINT NOT NULL, -- the log's end then: known to whoever asks as of a later place
    who TEXT COLLATE "C" NOT NULL -- by whom, as the audit trail has it
);

CREATE FUNCTION mrrd_segment_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a segment stays as it was saved';
END $$;

CREATE TRIGGER segment_version_no_change BEFORE UPDATE OR DELETE ON segment_version
    FOR EACH ROW EXECUTE FUNCTION mrrd_segment_version();
CREATE TRIGGER segment_version_no_truncate BEFORE TRUNCATE ON segment_version EXECUTE FUNCTION mrrd_segment_version();
