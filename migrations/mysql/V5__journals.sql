-- How far the journal of each process is stored, noted in the transaction that adds its records. So one
-- that comes again, its row pruned meanwhile, is known for what it is. It goes when the journal does.
CREATE TABLE IF NOT EXISTS journals (
    node    VARCHAR(255) NOT NULL PRIMARY KEY,
    -- The place of the last record.
    reached BIGINT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
