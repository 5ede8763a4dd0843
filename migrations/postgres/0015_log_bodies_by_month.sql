-- Bodies are by far the largest part of the log: a partition for each month (UTC) in which they were received, so that old
-- ones can be vacuumed, backed up and moved to cheaper disks on their own. mrrd makes the months ahead.

-- Nothing is rewritten: what was stored until now stays where it lies, as the partition of the bodies without a month. A
-- column with a constant default costs nothing; that all of it belongs there is read once.
ALTER TABLE event_body ADD COLUMN received_at BIGINT NOT NULL DEFAULT 0;
DROP TRIGGER event_body_no_update ON event_body;
DROP TRIGGER event_body_no_delete ON event_body;
ALTER TABLE event_body RENAME TO event_body_before;
ALTER INDEX event_body_pkey RENAME TO event_body_before_pkey;

CREATE TABLE event_body (
    seq         BIGINT NOT NULL,
    salt        BYTEA NOT NULL,             -- leaves with the body, so that the digest can't be guessed back
    codec       BIGINT NOT NULL,            -- 0 plain; others: see log/codec.rs
    bytes       BYTEA NOT NULL,
    received_at BIGINT NOT NULL DEFAULT 0   -- as its event's; 0 where an mrrd stored it that knew no months
) PARTITION BY RANGE (received_at);

-- Row triggers are every partition's; a trigger on TRUNCATE is made with each.
CREATE TRIGGER event_body_no_update BEFORE UPDATE ON event_body FOR EACH ROW EXECUTE FUNCTION mrrd_append_only();
CREATE TRIGGER event_body_no_delete BEFORE DELETE ON event_body
    FOR EACH ROW EXECUTE FUNCTION mrrd_body_leaves_with_erasure();
CREATE TRIGGER event_body_no_truncate BEFORE TRUNCATE ON event_body EXECUTE FUNCTION mrrd_append_only();

-- Takes what no month is there for: an append never fails for want of one.
CREATE TABLE event_body_default PARTITION OF event_body (PRIMARY KEY (seq)) DEFAULT;
CREATE TRIGGER event_body_no_truncate BEFORE TRUNCATE ON event_body_default EXECUTE FUNCTION mrrd_append_only();

DO $$
BEGIN
    IF EXISTS (SELECT FROM event_body_before) THEN
        ALTER TABLE event_body ATTACH PARTITION event_body_before FOR VALUES FROM (MINVALUE) TO (1);
    ELSE
        DROP TABLE event_body_before;
    END IF;
END $$;
