-- Who may read and who may change: tokens and the sessions opened with them. Records beside the log; neither can be read
-- back from what is kept.

CREATE TABLE access_token (
    id         TEXT    NOT NULL PRIMARY KEY,   -- names it in lists; opens nothing
    digest     TEXT    NOT NULL UNIQUE,        -- SHA-256 of the token, hex
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,               -- viewer or admin
    created_at INTEGER NOT NULL,               -- unix seconds, our clock
    revoked_at INTEGER
) STRICT;

CREATE TABLE access_session (
    digest     TEXT    NOT NULL PRIMARY KEY,   -- SHA-256 of what the cookie holds, hex
    token      TEXT    NOT NULL,               -- digest of the token it was opened with: it ends with that token
    created_at INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL,
    address    TEXT    NOT NULL                -- from where it was opened
) STRICT;

CREATE INDEX access_session_ends ON access_session (ends_at);
