-- Names and e-mails of customers as their newest state says them (privacy.show_names): read from bodies, so that they can be
-- searched; empty where they aren't shown. Of no generation: no rule of money bears on them.

CREATE TABLE customer_name (
    livemode BOOLEAN NOT NULL,
    account  TEXT COLLATE "C" NOT NULL,
    customer TEXT COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL, -- the state that says so: one that is older and comes later says nothing
    seq      BIGINT NOT NULL, -- its place in the log
    name     TEXT COLLATE "C" NOT NULL, -- '' where it says none
    email    TEXT COLLATE "C" NOT NULL,
    search   TEXT COLLATE "C" NOT NULL, -- both in lower case
    PRIMARY KEY (livemode, account, customer)
);

CREATE TABLE name_position (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    seq BIGINT NOT NULL -- the log is read up to here
);
INSERT INTO name_position (one, seq) VALUES (1, 0);
