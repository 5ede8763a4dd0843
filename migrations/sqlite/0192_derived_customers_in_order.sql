-- Customers by name: pages of them are read in their order. Lower case of the name's beginning, made where names are read; the index of
-- customers by their first MRR is each generation's own (src/store/sqlite/indices.rs).
ALTER TABLE customer_name ADD COLUMN name_lower TEXT NOT NULL DEFAULT '';
UPDATE customer_name SET name_lower = substr(search, 1, min(100, length(search) - length(email) - 1)) WHERE name <> '';
CREATE INDEX customer_name_in_order ON customer_name (livemode, account, name_lower, customer) WHERE name_lower <> '';
