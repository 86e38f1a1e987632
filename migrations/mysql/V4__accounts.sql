-- Users, keys, and what the configuration has beside its files. Settings are JSON in the words of the
-- configuration; what is found or compared by SQL has a column of its own.
CREATE TABLE IF NOT EXISTS users (
    name           VARCHAR(255) NOT NULL PRIMARY KEY,
    settings       MEDIUMTEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    -- 0: not deleted. Names of deleted users are never given away again: their money has them.
    deleted_at     BIGINT NOT NULL,
    -- The count of changes to accounts at the last change of this row.
    revision       BIGINT NOT NULL,
    KEY users_revision (revision)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS api_keys (
    id             VARCHAR(255) NOT NULL PRIMARY KEY,
    user_name      VARCHAR(255) NOT NULL,
    name           VARCHAR(255) NOT NULL,
    -- SHA-256 in hex, of the key and of the one it replaced, which goes on until `previous_until`.
    hash           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    previous_hash  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    previous_until BIGINT,
    -- What people tell it by: its first and last characters.
    hint           VARCHAR(255) NOT NULL,
    settings       MEDIUMTEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    -- 0: not deleted. The name of a deleted key may be used again.
    deleted_at     BIGINT NOT NULL,
    revision       BIGINT NOT NULL,
    UNIQUE KEY api_keys_name (user_name, name, deleted_at),
    UNIQUE KEY api_keys_hash (hash),
    KEY api_keys_revision (revision)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Channels, groups and models beside those of the files.
CREATE TABLE IF NOT EXISTS documents (
    kind           VARCHAR(255) NOT NULL,
    name           VARCHAR(255) NOT NULL,
    body           MEDIUMTEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    revision       BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- How many changes there were: nodes look here whether there is something to read. Every change
-- counts here first, so changes come one after another.
CREATE TABLE IF NOT EXISTS revisions (
    subject        VARCHAR(255) NOT NULL PRIMARY KEY,
    number         BIGINT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- The same again when this is run a second time.
INSERT IGNORE INTO revisions VALUES ('accounts', 0), ('configuration', 0);

-- Money that moved by somebody's word: from one account to another, never changed afterwards. What
-- requests cost is in their records, and summed up in `purses`.
CREATE TABLE IF NOT EXISTS entries (
    id             VARCHAR(255) NOT NULL PRIMARY KEY,
    at             BIGINT NOT NULL,
    kind           VARCHAR(255) NOT NULL,
    -- `user:` and a name, or the account that the money comes from.
    debit          VARCHAR(260) NOT NULL,
    credit         VARCHAR(260) NOT NULL,
    -- In 10^-9 USD, more than 0.
    amount         BIGINT NOT NULL,
    author         VARCHAR(255) NOT NULL,
    note           MEDIUMTEXT NOT NULL,
    KEY entries_at (at),
    KEY entries_debit (debit, at),
    KEY entries_credit (credit, at)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What may be spent and was: `user:` accounts are credited by entries, `key:` accounts have their
-- budget in the key. In 10^-9 USD.
CREATE TABLE IF NOT EXISTS purses (
    account        VARCHAR(260) NOT NULL PRIMARY KEY,
    credited       BIGINT NOT NULL,
    spent          BIGINT NOT NULL,
    -- The sum of its leases. Whoever changes a lease holds the row of its purse.
    leased         BIGINT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- By what was used until now: its days outlive the rows of requests.
CREATE TABLE IF NOT EXISTS spent (
    token_id VARCHAR(255) NOT NULL PRIMARY KEY,
    cost     BIGINT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- The same again when this is run a second time.
REPLACE INTO purses SELECT concat('key:', token_id), 0, cost, 0 FROM spent;
REPLACE INTO purses SELECT concat('user:', user_name), 0, CAST(sum(cost) AS SIGNED), 0 FROM usage_days GROUP BY user_name;
DROP TABLE IF EXISTS spent;

-- What one node has taken of a purse and may spend without asking.
CREATE TABLE IF NOT EXISTS leases (
    node           VARCHAR(255) NOT NULL,
    account        VARCHAR(260) NOT NULL,
    -- Taken, and neither spent (as far as records have come) nor given back.
    remaining      BIGINT NOT NULL,
    -- By the clock of the store.
    expires_at     BIGINT NOT NULL,
    PRIMARY KEY (node, account),
    KEY leases_account (account),
    KEY leases_expires_at (expires_at)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Who changed what.
CREATE TABLE IF NOT EXISTS audit (
    id             VARCHAR(255) NOT NULL PRIMARY KEY,
    at             BIGINT NOT NULL,
    actor          VARCHAR(255) NOT NULL,
    action         VARCHAR(255) NOT NULL,
    subject        VARCHAR(255) NOT NULL,
    was            MEDIUMTEXT,
    became         MEDIUMTEXT,
    KEY audit_at (at),
    KEY audit_subject (subject, at)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
