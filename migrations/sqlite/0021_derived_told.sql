-- Terms of prices and coupons that customers' events embed: each once, for every customer who names the same object.

CREATE TABLE told (
    generation INTEGER NOT NULL,
    livemode   INTEGER NOT NULL,
    account    TEXT    NOT NULL,
    object     TEXT    NOT NULL,             -- price or coupon id
    digest     TEXT    NOT NULL,             -- of the terms
    amount     INTEGER NOT NULL,             -- whether they tell what it amounts to
    seq        INTEGER NOT NULL,             -- the first place in the log that tells them
    event      TEXT    NOT NULL,             -- and its event
    codec      INTEGER NOT NULL,
    state      BLOB    NOT NULL,             -- a fact of these terms
    PRIMARY KEY (generation, livemode, account, object, digest)
) STRICT, WITHOUT ROWID;
