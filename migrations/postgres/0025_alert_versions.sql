-- An alert has versions: it is raised once, and told again when it rises further. One that was taken back was none.
ALTER TABLE alert ADD COLUMN version BIGINT NOT NULL DEFAULT 1; -- the one that content tells
ALTER TABLE alert ADD COLUMN updated_at BIGINT; -- when it was last told again; null in the first version
ALTER TABLE alert ADD COLUMN taken_back BOOLEAN NOT NULL DEFAULT FALSE; -- it turned out to be none, and silences nothing
UPDATE alert SET taken_back = TRUE WHERE closed_why LIKE 'It no longer stands out%';

-- Each version has its messages.
ALTER TABLE outbox ADD COLUMN version BIGINT NOT NULL DEFAULT 1; -- of the alert, where the event is an update
ALTER TABLE outbox DROP CONSTRAINT outbox_alert_event_channel_key;
ALTER TABLE outbox ADD CONSTRAINT outbox_alert_event_version_channel_key UNIQUE (alert, event, version, channel);
