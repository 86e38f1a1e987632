-- What each token has spent in all, in 10^-9 USD: added to as rows of requests come, kept when they
-- are pruned.
CREATE TABLE spent (
    token_id TEXT    NOT NULL PRIMARY KEY,
    cost     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- By what was used until now: its days outlive the rows. So far every key is one of the
-- configuration, with an id made of its name.
INSERT INTO spent
SELECT substr('yaml:' || token, 1, 255), sum(cost)
FROM usage_days
GROUP BY 1;
