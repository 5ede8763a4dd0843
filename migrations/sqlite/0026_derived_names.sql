-- Names and e-mails of customers as their newest state says them (privacy.show_names): read from bodies, so that they can be
-- searched; empty where they aren't shown. Of no generation: no rule of money bears on them.

CREATE TABLE customer_name (
    livemode INTEGER NOT NULL,
    account  TEXT    NOT NULL,
    customer TEXT    NOT NULL,
    at       INTEGER NOT NULL, -- the state that says so: one that is older and comes later says nothing
    seq      INTEGER NOT NULL, -- its place in the log
    name     TEXT    NOT NULL, -- '' where it says none
    email    TEXT    NOT NULL,
    search   TEXT    NOT NULL, -- both in lower case
    PRIMARY KEY (livemode, account, customer)
) STRICT, WITHOUT ROWID;

CREATE TABLE name_position (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL -- the log is read up to here
) STRICT;
INSERT INTO name_position (one, seq) VALUES (1, 0);
