-- Who closed, acknowledged, muted, planned, imported and signed in: when, and from where. Records beside the log; written in
-- the transaction of what they tell of, and never touched again.

CREATE TABLE audit_trail (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL, -- unix seconds, our clock
    who TEXT COLLATE "C" NOT NULL, -- a token's name, a proxy's user, or the user of a command
    by TEXT COLLATE "C" NOT NULL, -- token, session, proxy, command or mrrd
    address TEXT COLLATE "C" NOT NULL, -- from where; '' for a command on the machine itself
    action TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL, -- what of: a month, an alert's id, a rule, a file
    detail TEXT COLLATE "C" NOT NULL
);

CREATE FUNCTION mrrd_audit_trail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail stays as it was written';
END $$;

CREATE TRIGGER audit_trail_no_change BEFORE UPDATE OR DELETE ON audit_trail FOR EACH ROW EXECUTE FUNCTION mrrd_audit_trail();
CREATE TRIGGER audit_trail_no_truncate BEFORE TRUNCATE ON audit_trail EXECUTE FUNCTION mrrd_audit_trail();
