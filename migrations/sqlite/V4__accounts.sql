-- Users, keys, and what the configuration has beside its files. Settings are JSON in the words of the
-- configuration; what is found or compared by SQL has a column of its own.
CREATE TABLE users (
    name       TEXT    NOT NULL PRIMARY KEY,
    settings   TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- 0: not deleted. Names of deleted users are never given away again: their money has them.
    deleted_at INTEGER NOT NULL,
    -- The count of changes to accounts at the last change of this row.
    revision   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX users_revision ON users (revision);

CREATE TABLE api_keys (
    id             TEXT    NOT NULL PRIMARY KEY,
    user_name      TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    -- SHA-256 in hex, of the key and of the one it replaced, which goes on until `previous_until`.
    hash           TEXT    NOT NULL,
    previous_hash  TEXT,
    previous_until INTEGER,
    -- What people tell it by: its first and last characters.
    hint           TEXT    NOT NULL,
    settings       TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    -- 0: not deleted. The name of a deleted key may be used again.
    deleted_at     INTEGER NOT NULL,
    revision       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX api_keys_name ON api_keys (user_name, name, deleted_at);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
CREATE INDEX api_keys_revision ON api_keys (revision);

-- Channels, groups and models beside those of the files.
CREATE TABLE documents (
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision   INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

-- How many changes there were: nodes look here whether there is something to read. Every change
-- counts here first, so changes come one after another.
CREATE TABLE revisions (
    subject TEXT    NOT NULL PRIMARY KEY,
    number  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO revisions VALUES ('accounts', 0), ('configuration', 0);

-- Money that moved by somebody's word: from one account to another, never changed afterwards. What
-- requests cost is in their records, and summed up in `purses`.
CREATE TABLE entries (
    id     TEXT    NOT NULL PRIMARY KEY,
    at     INTEGER NOT NULL,
    kind   TEXT    NOT NULL,
    debit  TEXT    NOT NULL,
    credit TEXT    NOT NULL,
    -- In 10^-9 USD, more than 0.
    amount INTEGER NOT NULL,
    author TEXT    NOT NULL,
    note   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX entries_at ON entries (at);
CREATE INDEX entries_debit ON entries (debit, at);
CREATE INDEX entries_credit ON entries (credit, at);

-- What may be spent and was: `user:` accounts are credited by entries, `key:` accounts have their
-- budget in the key. In 10^-9 USD.
CREATE TABLE purses (
    account  TEXT    NOT NULL PRIMARY KEY,
    credited INTEGER NOT NULL,
    spent    INTEGER NOT NULL,
    -- The sum of its leases. Whoever changes a lease holds the row of its purse.
    leased   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- By what was used until now: its days outlive the rows of requests.
INSERT INTO purses SELECT 'key:' || token_id, 0, cost, 0 FROM spent;
INSERT INTO purses SELECT 'user:' || user_name, 0, sum(cost), 0 FROM usage_days GROUP BY user_name;
DROP TABLE spent;

-- What one node has taken of a purse and may spend without asking.
CREATE TABLE leases (
    node       TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    -- Taken, and neither spent (as far as records have come) nor given back.
    remaining  INTEGER NOT NULL,
    -- By the clock of the store.
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (node, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX leases_account ON leases (account);
CREATE INDEX leases_expires_at ON leases (expires_at);

-- Who changed what.
CREATE TABLE audit (
    id      TEXT    NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    was     TEXT,
    became  TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_subject ON audit (subject, at);
