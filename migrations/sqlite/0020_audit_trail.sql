-- Who closed, acknowledged, muted, planned, imported and signed in: when, and from where. Records beside the log; written in
-- the transaction of what they tell of, and never touched again.

CREATE TABLE audit_trail (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,               -- unix seconds, our clock
    who     TEXT    NOT NULL,               -- a token's name, a proxy's user, or the user of a command
    by      TEXT    NOT NULL,               -- token, session, proxy, command or mrrd
    address TEXT    NOT NULL,               -- from where; '' for a command on the machine itself
    action  TEXT    NOT NULL,
    subject TEXT    NOT NULL,               -- what of: a month, an alert's id, a rule, a file
    detail  TEXT    NOT NULL
) STRICT;

CREATE TRIGGER audit_trail_no_update BEFORE UPDATE ON audit_trail BEGIN SELECT RAISE(ABORT, 'the audit trail stays as it was written'); END;
CREATE TRIGGER audit_trail_no_delete BEFORE DELETE ON audit_trail BEGIN SELECT RAISE(ABORT, 'the audit trail stays as it was written'); END;
