-- Whose payments failed, by day: here each generation has such an index of its own (src/store/sqlite/indices.rs).
SELECT 1;
