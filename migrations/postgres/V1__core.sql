-- One row for every model operation of an authenticated caller.
-- Times are microseconds since 1970 in UTC; money is 10^-9 USD. Texts compare by their bytes, as in
-- the other databases.
CREATE TABLE requests (
    id                  TEXT COLLATE "C" NOT NULL,
    client_request_id   TEXT COLLATE "C",
    at                  BIGINT NOT NULL,
    user_name           TEXT COLLATE "C" NOT NULL,
    token               TEXT COLLATE "C" NOT NULL,
    token_id            TEXT COLLATE "C" NOT NULL,
    group_name          TEXT COLLATE "C" NOT NULL,
    operation           TEXT NOT NULL,
    client_format       TEXT NOT NULL,
    upstream_format     TEXT,
    model               TEXT COLLATE "C" NOT NULL,
    upstream_model      TEXT COLLATE "C",
    channel             TEXT COLLATE "C",
    attempts            BIGINT NOT NULL,
    status              BIGINT NOT NULL,
    ended               TEXT NOT NULL,
    stream              BIGINT NOT NULL,
    first_byte_ms       BIGINT,
    duration_ms         BIGINT NOT NULL,
    overhead_us         BIGINT NOT NULL,
    input               BIGINT NOT NULL,
    cache_read          BIGINT NOT NULL,
    cache_write_5m      BIGINT NOT NULL,
    cache_write_1h      BIGINT NOT NULL,
    output              BIGINT NOT NULL,
    reasoning           BIGINT NOT NULL,
    audio_input         BIGINT NOT NULL,
    audio_output        BIGINT NOT NULL,
    image_input         BIGINT NOT NULL,
    image_output        BIGINT NOT NULL,
    usage_source        TEXT NOT NULL,
    cost                BIGINT NOT NULL,
    config              TEXT COLLATE "C" NOT NULL,
    upstream_request_id TEXT COLLATE "C",
    error               TEXT,
    PRIMARY KEY (id)
);

-- Lists are read newest first, keyset-paged by (at, id), with or without one of these filters.
CREATE INDEX requests_at ON requests (at, id);
CREATE INDEX requests_token ON requests (token, at, id);
CREATE INDEX requests_model ON requests (model, at, id);
CREATE INDEX requests_channel ON requests (channel, at, id);
