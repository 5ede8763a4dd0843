-- Which ledger a customer of Stripe's belongs to (ledger.customer_key), as the log told it place by place.

ALTER TABLE generation ADD COLUMN customer_key TEXT COLLATE "C";             -- null: every customer is a ledger of its own
ALTER TABLE generation ADD COLUMN joined_to BIGINT NOT NULL DEFAULT 0;  -- last log seq whose customers are in `joined`

CREATE TABLE joined (
    generation BIGINT NOT NULL,
    livemode   BOOLEAN NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    customer   TEXT COLLATE "C" NOT NULL,             -- Stripe's
    seq        BIGINT NOT NULL,             -- from here in the log on
    ledger     TEXT COLLATE "C" NOT NULL,             -- whose ledger it belongs to; itself where nothing joins it
    at         BIGINT NOT NULL,             -- the state that says so: one that is older and comes later says nothing
    role       BIGINT NOT NULL,
    event      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (generation, livemode, account, customer, seq)
);
CREATE INDEX joined_by_ledger ON joined (generation, livemode, account, ledger, seq);
