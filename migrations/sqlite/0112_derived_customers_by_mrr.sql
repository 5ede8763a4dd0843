-- Customers by what they pay, and those with a subscription of a status: pages of them are found without a look at everybody.
CREATE INDEX customer_mrr_by_amount ON customer_mrr
    (generation, profile, livemode, account, test_clock, currency, (amount + amount_rest / 1000000) DESC, customer);
CREATE INDEX subscription_by_status ON subscription_ledger (generation, profile, livemode, account, status, customer);
