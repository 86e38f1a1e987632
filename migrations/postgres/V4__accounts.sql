-- Users, keys, and what the configuration has beside its files. Settings are JSON in the words of the
-- configuration; what is found or compared by SQL has a column of its own.
CREATE TABLE users (
    name           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    settings       TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    -- 0: not deleted. Names of deleted users are never given away again: their money has them.
    deleted_at     BIGINT NOT NULL,
    -- The count of changes to accounts at the last change of this row.
    revision       BIGINT NOT NULL
);
CREATE INDEX users_revision ON users (revision);

CREATE TABLE api_keys (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_name      TEXT COLLATE "C" NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    -- SHA-256 in hex, of the key and of the one it replaced, which goes on until `previous_until`.
    hash           TEXT COLLATE "C" NOT NULL,
    previous_hash  TEXT COLLATE "C",
    previous_until BIGINT,
    -- What people tell it by: its first and last characters.
    hint           TEXT NOT NULL,
    settings       TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    -- 0: not deleted. The name of a deleted key may be used again.
    deleted_at     BIGINT NOT NULL,
    revision       BIGINT NOT NULL
);
CREATE UNIQUE INDEX api_keys_name ON api_keys (user_name, name, deleted_at);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
CREATE INDEX api_keys_revision ON api_keys (revision);

-- Channels, groups and models beside those of the files.
CREATE TABLE documents (
    kind           TEXT COLLATE "C" NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    body           TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    revision       BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);

-- How many changes there were: nodes look here whether there is something to read. Every change
-- counts here first, so changes come one after another.
CREATE TABLE revisions (
    subject        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    number         BIGINT NOT NULL
);
INSERT INTO revisions VALUES ('accounts', 0), ('configuration', 0);

-- Money that moved by somebody's word: from one account to another, never changed afterwards. What
-- requests cost is in their records, and summed up in `purses`.
CREATE TABLE entries (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at             BIGINT NOT NULL,
    kind           TEXT COLLATE "C" NOT NULL,
    debit          TEXT COLLATE "C" NOT NULL,
    credit         TEXT COLLATE "C" NOT NULL,
    -- In 10^-9 USD, more than 0.
    amount         BIGINT NOT NULL,
    author         TEXT COLLATE "C" NOT NULL,
    note           TEXT NOT NULL
);
CREATE INDEX entries_at ON entries (at, id);
CREATE INDEX entries_debit ON entries (debit, at, id);
CREATE INDEX entries_credit ON entries (credit, at, id);

-- What may be spent and was: `user:` accounts are credited by entries, `key:` accounts have their
-- budget in the key. In 10^-9 USD.
CREATE TABLE purses (
    account        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    credited       BIGINT NOT NULL,
    spent          BIGINT NOT NULL,
    -- The sum of its leases. Whoever changes a lease holds the row of its purse.
    leased         BIGINT NOT NULL
) WITH (fillfactor = 70);

-- By what was used until now: its days outlive the rows of requests.
INSERT INTO purses SELECT 'key:' || token_id, 0, cost, 0 FROM spent;
INSERT INTO purses SELECT 'user:' || user_name, 0, CAST(sum(cost) AS BIGINT), 0 FROM usage_days GROUP BY user_name;
DROP TABLE spent;

-- What one node has taken of a purse and may spend without asking.
CREATE TABLE leases (
    node           TEXT COLLATE "C" NOT NULL,
    account        TEXT COLLATE "C" NOT NULL,
    -- Taken, and neither spent (as far as records have come) nor given back.
    remaining      BIGINT NOT NULL,
    -- By the clock of the store.
    expires_at     BIGINT NOT NULL,
    PRIMARY KEY (node, account)
) WITH (fillfactor = 70);
CREATE INDEX leases_account ON leases (account);
CREATE INDEX leases_expires_at ON leases (expires_at);

-- Who changed what.
CREATE TABLE audit (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at             BIGINT NOT NULL,
    actor          TEXT COLLATE "C" NOT NULL,
    action         TEXT COLLATE "C" NOT NULL,
    subject        TEXT COLLATE "C" NOT NULL,
    was            TEXT,
    became         TEXT
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_subject ON audit (subject, at);
