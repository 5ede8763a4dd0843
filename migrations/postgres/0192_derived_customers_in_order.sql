-- Customers by name and by their first MRR: pages of them are read in their order. Lower case of the name's beginning, made where names
-- are read.
ALTER TABLE customer_name ADD COLUMN name_lower TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE customer_name SET name_lower = substr(search, 1, least(100, length(search) - length(email) - 1)) WHERE name <> '';
CREATE INDEX customer_name_in_order ON customer_name (livemode, account, name_lower, customer) WHERE name_lower <> '';
CREATE INDEX customer_ledger_since ON customer_ledger
    (generation, profile, livemode, account, test_clock, first_mrr_at DESC, customer) WHERE first_mrr_at IS NOT NULL;
