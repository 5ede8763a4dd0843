-- What all rows of a customer come to, so that generations are compared without reading both. A row of two numbers for each
-- customer, moved with its rows like the sums beside them.
CREATE TABLE customer_digest (
    generation BIGINT NOT NULL,
    profile TEXT COLLATE "C" NOT NULL,
    livemode BOOLEAN NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    test_clock TEXT COLLATE "C" NOT NULL,
    customer TEXT COLLATE "C" NOT NULL,
    items BIGINT NOT NULL, -- 1
    digest BIGINT NOT NULL, -- 62 bits of the SHA-256 of all its rows …
    digest_rest BIGINT NOT NULL, -- … and 62 more
    PRIMARY KEY (generation, profile, livemode, account, test_clock, customer)
);
