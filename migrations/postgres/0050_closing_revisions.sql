-- A closing can be superseded by a new one, with who did it and why; the old one stays as it was.
ALTER TABLE closing ADD COLUMN revision BIGINT NOT NULL DEFAULT 1; -- 1 as it was first closed; the greatest holds
ALTER TABLE closing ADD COLUMN who TEXT COLLATE "C" NOT NULL DEFAULT ''; -- '' where it was closed before this was kept
ALTER TABLE closing ADD COLUMN reason TEXT COLLATE "C" NOT NULL DEFAULT ''; -- why it took the place of the one before
ALTER TABLE closing DROP CONSTRAINT closing_pkey, ADD PRIMARY KEY (profile, month, revision);

ALTER TABLE closing_total ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE closing_total DROP CONSTRAINT closing_total_pkey,
    ADD PRIMARY KEY (profile, month, revision, livemode, account, currency, line);

ALTER TABLE closing_customer ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE closing_customer DROP CONSTRAINT closing_customer_pkey,
    ADD PRIMARY KEY (profile, month, revision, livemode, account, customer, currency);

ALTER TABLE closing_movement ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE closing_movement DROP CONSTRAINT closing_movement_pkey,
    ADD PRIMARY KEY (profile, month, revision, livemode, account, customer, id);
