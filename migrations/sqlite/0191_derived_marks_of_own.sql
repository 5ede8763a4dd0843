-- The least place of an event of the customer's own that isn't applied; null where only what it names has changed. Whoever is told of
-- by its own events goes before a hundred thousand that one price has marked, and neither looks through the other.
ALTER TABLE dirty ADD COLUMN own_seq INTEGER;
CREATE INDEX dirty_own ON dirty (generation, own_seq, livemode, account, customer) WHERE own_seq IS NOT NULL;
CREATE INDEX dirty_by_object ON dirty (generation, first_seq, livemode, account, customer) WHERE own_seq IS NULL;
