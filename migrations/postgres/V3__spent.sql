-- What each token has spent in all, in 10^-9 USD: added to as rows of requests come, kept when they
-- are pruned.
CREATE TABLE spent (
    token_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    cost     BIGINT NOT NULL
) WITH (fillfactor = 70);

-- By what was used until now: its days outlive the rows. So far every key is one of the
-- configuration, with an id made of its name.
INSERT INTO spent
SELECT left('yaml:' || token, 255), CAST(sum(cost) AS BIGINT)
FROM usage_days
GROUP BY left('yaml:' || token, 255);
