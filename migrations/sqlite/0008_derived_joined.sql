-- Which ledger a customer of Stripe's belongs to (ledger.customer_key), as the log told it place by place.

ALTER TABLE generation ADD COLUMN customer_key TEXT;                    -- null: every customer is a ledger of its own
ALTER TABLE generation ADD COLUMN joined_to INTEGER NOT NULL DEFAULT 0; -- last log seq whose customers are in `joined`

CREATE TABLE joined (
    generation INTEGER NOT NULL,
    livemode   INTEGER NOT NULL,
    account    TEXT    NOT NULL,
    customer   TEXT    NOT NULL,             -- Stripe's
    seq        INTEGER NOT NULL,             -- from here in the log on
    ledger     TEXT    NOT NULL,             -- whose ledger it belongs to; itself where nothing joins it
    at         INTEGER NOT NULL,             -- the state that says so: one that is older and comes later says nothing
    role       INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    PRIMARY KEY (generation, livemode, account, customer, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX joined_by_ledger ON joined (generation, livemode, account, ledger, seq);
