-- Terms of prices and coupons that customers' events embed: each once, for every customer who names the same object.

CREATE TABLE told (
    generation BIGINT NOT NULL,
    livemode   BOOLEAN NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    object     TEXT COLLATE "C" NOT NULL,             -- price or coupon id
    digest     TEXT COLLATE "C" NOT NULL,             -- of the terms
    amount     BOOLEAN NOT NULL,                      -- whether they tell what it amounts to
    seq        BIGINT NOT NULL,                       -- the first place in the log that tells them
    event      TEXT COLLATE "C" NOT NULL,             -- and its event
    codec      BIGINT NOT NULL,
    state      BYTEA NOT NULL,                        -- a fact of these terms
    PRIMARY KEY (generation, livemode, account, object, digest)
);
