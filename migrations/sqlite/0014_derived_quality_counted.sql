-- The index by kind tells what holds now by itself: `/api/v1/status` counts the entries of a large ledger whenever it is asked.
DROP INDEX quality_by_kind;
CREATE INDEX quality_by_kind ON quality (generation, profile, kind, at, until);
