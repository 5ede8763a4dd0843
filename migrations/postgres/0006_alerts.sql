-- Alerts and what is due to whom: records beside the log, never derived from it alone. A rebuild leaves them.

CREATE TABLE alert (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- a hash of ledger, rule and episode: found again, it is the same
    rule TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL, -- what of the rule's this is about: a movement, a currency, or ''
    day TEXT COLLATE "C" NOT NULL, -- the accounting day it fired on
    raised_at BIGINT NOT NULL, -- unix seconds, our clock
    headline TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C" NOT NULL, -- all it says, as JSON
    silenced TEXT COLLATE "C", -- why nobody was told; null where the channels were
    closed_at BIGINT, -- when its episode was seen to be over; null while it goes on
    closed_why TEXT COLLATE "C",
    acknowledged_at BIGINT,
    acknowledged_by TEXT COLLATE "C"
);

CREATE INDEX alert_by_time ON alert (raised_at, id);

CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert TEXT COLLATE "C" NOT NULL, -- a test's id is of no alert
    event TEXT COLLATE "C" NOT NULL, -- raised, closed or test
    channel TEXT COLLATE "C" NOT NULL, -- its name in the configuration
    message TEXT COLLATE "C" NOT NULL, -- in every form, as JSON
    state TEXT COLLATE "C" NOT NULL, -- waiting, delivered or failed
    created_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL, -- not tried before
    delivered_at BIGINT,
    last_error TEXT COLLATE "C", -- free of secrets
    UNIQUE (alert, event, channel)
);

CREATE INDEX outbox_due ON outbox (channel, next_at) WHERE state = 'waiting';

CREATE TABLE annotation (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    first_day TEXT COLLATE "C" NOT NULL,
    last_day TEXT COLLATE "C" NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE mute (
    rule TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL, -- unix seconds
    note TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);
