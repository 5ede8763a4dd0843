-- Goals: what was promised, by whom and by when. Records beside the log; a goal is never changed, only set anew or ended.

CREATE TABLE goal (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL, -- the latest of a name is the one that runs
    metric TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL, -- a decimal: minor units, customers or a share of 1
    currency TEXT COLLATE "C" NOT NULL, -- whose ledger: a currency's own, or 'reporting'
    profile TEXT COLLATE "C" NOT NULL, -- whose rules
    account TEXT COLLATE "C" NOT NULL, -- '' for the account's own events, 'all', or a connected account
    first_day TEXT COLLATE "C" NOT NULL, -- the first that counts
    last_day TEXT COLLATE "C" NOT NULL, -- the one at whose end it is due
    owner TEXT COLLATE "C" NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL -- unix seconds, our clock
);

CREATE TABLE goal_end (
    goal BIGINT PRIMARY KEY REFERENCES goal (id),
    reason TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE FUNCTION mrrd_goal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a goal stays as it was set';
END $$;

CREATE TRIGGER goal_no_change BEFORE UPDATE OR DELETE ON goal FOR EACH ROW EXECUTE FUNCTION mrrd_goal();
CREATE TRIGGER goal_no_truncate BEFORE TRUNCATE ON goal EXECUTE FUNCTION mrrd_goal();
CREATE TRIGGER goal_end_no_change BEFORE UPDATE OR DELETE ON goal_end FOR EACH ROW EXECUTE FUNCTION mrrd_goal();
CREATE TRIGGER goal_end_no_truncate BEFORE TRUNCATE ON goal_end EXECUTE FUNCTION mrrd_goal();
