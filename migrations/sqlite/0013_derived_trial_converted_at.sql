-- From when a trial paid, not only whether: that may lie ahead, and readers cut at now. Rows that are there are made anew with
-- the next generation.
ALTER TABLE trial ADD COLUMN converted_at INTEGER;
UPDATE trial SET converted_at = ended_at WHERE converted;
ALTER TABLE trial DROP COLUMN converted;
