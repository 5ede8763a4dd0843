-- Closed months: what was reported, kept beside the log and never touched again. A rebuild leaves it alone.

CREATE TABLE closing (
    profile TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL, -- 2026-10
    seq BIGINT NOT NULL, -- the log up to here made the figures
    closed_at BIGINT NOT NULL, -- unix seconds, our clock
    inputs TEXT COLLATE "C" NOT NULL, -- the profile's knobs, zone, versions of ledger and normaliser
    hash TEXT COLLATE "C" NOT NULL, -- SHA-256 of month, seq and inputs
    PRIMARY KEY (profile, month)
);

CREATE TABLE closing_total (
    profile TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL,
    livemode BOOLEAN NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    line TEXT COLLATE "C" NOT NULL, -- opening, closing, or the kind of movement summed
    amount TEXT COLLATE "C" NOT NULL, -- 10⁻⁶ minor units: a sum may be longer than a column of integers
    PRIMARY KEY (profile, month, livemode, account, currency, line)
);

CREATE TABLE closing_customer (
    profile TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL,
    livemode BOOLEAN NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    customer TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    opening BIGINT NOT NULL, -- 10⁻⁶ minor units
    closing BIGINT NOT NULL,
    PRIMARY KEY (profile, month, livemode, account, customer, currency)
);

CREATE TABLE closing_movement (
    profile TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL,
    livemode BOOLEAN NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    customer TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    day TEXT COLLATE "C" NOT NULL,
    effective_at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (profile, month, livemode, account, customer, id)
);

CREATE FUNCTION mrrd_closed_month() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a closed month stays as it was closed';
END $$;

CREATE TRIGGER closing_no_change BEFORE UPDATE OR DELETE ON closing FOR EACH ROW EXECUTE FUNCTION mrrd_closed_month();
CREATE TRIGGER closing_no_truncate BEFORE TRUNCATE ON closing EXECUTE FUNCTION mrrd_closed_month();
CREATE TRIGGER closing_total_no_change BEFORE UPDATE OR DELETE ON closing_total FOR EACH ROW EXECUTE FUNCTION mrrd_closed_month();
CREATE TRIGGER closing_total_no_truncate BEFORE TRUNCATE ON closing_total EXECUTE FUNCTION mrrd_closed_month();
CREATE TRIGGER closing_customer_no_change BEFORE UPDATE OR DELETE ON closing_customer FOR EACH ROW EXECUTE FUNCTION mrrd_closed_month();
CREATE TRIGGER closing_customer_no_truncate BEFORE TRUNCATE ON closing_customer EXECUTE FUNCTION mrrd_closed_month();
CREATE TRIGGER closing_movement_no_change BEFORE UPDATE OR DELETE ON closing_movement FOR EACH ROW EXECUTE FUNCTION mrrd_closed_month();
CREATE TRIGGER closing_movement_no_truncate BEFORE TRUNCATE ON closing_movement EXECUTE FUNCTION mrrd_closed_month();
