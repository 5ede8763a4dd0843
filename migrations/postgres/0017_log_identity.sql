-- Which log this is, so that another one in its place is told from it.
CREATE TABLE log_identity (
    id TEXT PRIMARY KEY
);
INSERT INTO log_identity (id) VALUES (replace(gen_random_uuid()::text, '-', ''));
CREATE TRIGGER log_identity_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_identity
    FOR EACH STATEMENT EXECUTE FUNCTION mrrd_append_only();

-- A lease lasts by its holder's renewals. Where the holder runs tells who is gone for good.
ALTER TABLE lease ADD COLUMN renewals BIGINT NOT NULL DEFAULT 0;
ALTER TABLE lease ADD COLUMN place TEXT NOT NULL DEFAULT '';
