-- Who is set to end, found without looking at everybody: these subscriptions are few.
CREATE INDEX subscription_ending ON subscription_ledger (generation, profile, livemode, account, ends_at, customer)
    WHERE ended_at IS NULL AND ends_at IS NOT NULL;
