-- Who may read and who may change: tokens and the sessions opened with them. Records beside the log; neither can be read
-- back from what is kept.

CREATE TABLE access_token (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- names it in lists; opens nothing
    digest TEXT COLLATE "C" NOT NULL UNIQUE, -- SHA-256 of the token, hex
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL, -- viewer or admin
    created_at BIGINT NOT NULL, -- unix seconds, our clock
    revoked_at BIGINT
);

CREATE TABLE access_session (
    digest TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- SHA-256 of what the cookie holds, hex
    token TEXT COLLATE "C" NOT NULL, -- digest of the token it was opened with: it ends with that token
    created_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    address TEXT COLLATE "C" NOT NULL -- from where it was opened
);

CREATE INDEX access_session_ends ON access_session (ends_at);
