-- What each token has spent in all, in 10^-9 USD: added to as rows of requests come, kept when they
-- are pruned.
CREATE TABLE IF NOT EXISTS spent (
    token_id VARCHAR(255) NOT NULL,
    cost     BIGINT NOT NULL,
    PRIMARY KEY (token_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- By what was used until now: its days outlive the rows. So far every key is one of the
-- configuration, with an id made of its name. The same again when this is run a second time.
REPLACE INTO spent
SELECT left(concat('yaml:', token), 255), CAST(sum(cost) AS SIGNED)
FROM usage_days
GROUP BY left(concat('yaml:', token), 255);
