-- The log as a table for people and their tools (docs/guides/tables.md): what each event is, without its body.
CREATE VIEW v_event AS
SELECT e.seq, e.id, e.variant, e.type, e.account, e.livemode, strftime('%Y-%m-%dT%H:%M:%SZ', e.created,
  'unixepoch') AS created, e.api_version,
       strftime('%Y-%m-%dT%H:%M:%SZ', e.received_at, 'unixepoch') AS received_at, e.source, e.body_bytes,
       COALESCE((SELECT CASE WHEN f.kind IN ('ignored', 'unreadable', 'thin') THEN f.kind ELSE 'read' END
                 FROM fact f WHERE f.seq = e.seq ORDER BY f.normaliser DESC, f.ordinal LIMIT 1), 'unread') AS reading,
       EXISTS (SELECT 1 FROM erasure x WHERE x.seq = e.seq) AS erased
FROM event e;
