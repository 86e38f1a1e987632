-- How far the journal of each process is stored, noted in the transaction that adds its records. So one
-- that comes again, its row pruned meanwhile, is known for what it is. It goes when the journal does.
CREATE TABLE journals (
    node    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- The place of the last record.
    reached BIGINT NOT NULL
);
