-- What all rows of a customer come to, so that generations are compared without reading both. A row of two numbers for each
-- customer, moved with its rows like the sums beside them.
CREATE TABLE customer_digest (
    generation INTEGER NOT NULL,
    profile TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    account TEXT NOT NULL,
    test_clock TEXT NOT NULL,
    customer TEXT NOT NULL,
    items INTEGER NOT NULL, -- 1
    digest INTEGER NOT NULL, -- 62 bits of the SHA-256 of all its rows …
    digest_rest INTEGER NOT NULL, -- … and 62 more
    PRIMARY KEY (generation, profile, livemode, account, test_clock, customer)
) STRICT, WITHOUT ROWID;
