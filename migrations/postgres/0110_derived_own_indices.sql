-- On SQLite each generation gets indices by time of its own. Here they stay as they are: rows are copied in by pages of
-- customers, and an index can't be made beside those who write its table without waiting for them.
SELECT 1;
