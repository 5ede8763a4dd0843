-- Which log it is, and how far it has come. A log that is shorter has lost something.
CREATE TABLE log_reach (
    id        BIGINT PRIMARY KEY CHECK (id = 1),
    log       TEXT   NOT NULL,               -- log_identity.id
    last_seq  BIGINT NOT NULL,
    sealed_to BIGINT NOT NULL,               -- the end of the last seal; 0: there was none
    root      TEXT   NOT NULL                -- its root, in hexadecimal digits; '' where there was none
);
