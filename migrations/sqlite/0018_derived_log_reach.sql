-- Of the log that this file was derived from: which it is, and how far it has come. A log that is another, or shorter, was
-- lost or replaced.
CREATE TABLE log_reach (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    log       TEXT    NOT NULL,              -- log_identity.id
    last_seq  INTEGER NOT NULL,
    sealed_to INTEGER NOT NULL,              -- the end of the last seal; 0: there was none
    root      TEXT    NOT NULL               -- its root, in hexadecimal digits; '' where there was none
) STRICT;
