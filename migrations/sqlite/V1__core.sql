-- One row for every model operation of an authenticated caller.
-- Times are microseconds since 1970 in UTC; money is 10^-9 USD.
CREATE TABLE requests (
    id                  TEXT    NOT NULL PRIMARY KEY,
    client_request_id   TEXT,
    at                  INTEGER NOT NULL,
    user_name           TEXT    NOT NULL,
    token               TEXT    NOT NULL,
    token_id            TEXT    NOT NULL,
    group_name          TEXT    NOT NULL,
    operation           TEXT    NOT NULL,
    client_format       TEXT    NOT NULL,
    upstream_format     TEXT,
    model               TEXT    NOT NULL,
    upstream_model      TEXT,
    channel             TEXT,
    attempts            INTEGER NOT NULL,
    status              INTEGER NOT NULL,
    ended               TEXT    NOT NULL,
    stream              INTEGER NOT NULL,
    first_byte_ms       INTEGER,
    duration_ms         INTEGER NOT NULL,
    overhead_us         INTEGER NOT NULL,
    input               INTEGER NOT NULL,
    cache_read          INTEGER NOT NULL,
    cache_write_5m      INTEGER NOT NULL,
    cache_write_1h      INTEGER NOT NULL,
    output              INTEGER NOT NULL,
    reasoning           INTEGER NOT NULL,
    audio_input         INTEGER NOT NULL,
    audio_output        INTEGER NOT NULL,
    image_input         INTEGER NOT NULL,
    image_output        INTEGER NOT NULL,
    usage_source        TEXT    NOT NULL,
    cost                INTEGER NOT NULL,
    config              TEXT    NOT NULL,
    upstream_request_id TEXT,
    error               TEXT
) STRICT;

-- Lists are read newest first, keyset-paged by (at, id), with or without one of these filters.
CREATE INDEX requests_at ON requests (at, id);
CREATE INDEX requests_token ON requests (token, at, id);
CREATE INDEX requests_model ON requests (model, at, id);
CREATE INDEX requests_channel ON requests (channel, at, id);
