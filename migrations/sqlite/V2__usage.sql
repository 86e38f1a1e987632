-- The rows of requests ordered by their ids, which come in the order of time: one tree fewer to keep
-- than with row numbers beside it.
DROP INDEX requests_at;
DROP INDEX requests_token;
DROP INDEX requests_model;
DROP INDEX requests_channel;
ALTER TABLE requests RENAME TO requests_before;

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
) STRICT, WITHOUT ROWID;

INSERT INTO requests SELECT * FROM requests_before;
DROP TABLE requests_before;

-- Lists are read newest first, keyset-paged by (at, id), with or without one of these filters.
-- Each index ends with the table's key, the id.
CREATE INDEX requests_at ON requests (at);
CREATE INDEX requests_token ON requests (token, at);
CREATE INDEX requests_model ON requests (model, at);
CREATE INDEX requests_channel ON requests (channel, at);

-- What was used, summed up as the rows come: by the hour and by the day that begins `at`.
-- `digest` stands for the four names; a channel of '' means that none was reached.
CREATE TABLE usage_hours (
    at             INTEGER NOT NULL,
    digest         TEXT    NOT NULL,
    model          TEXT    NOT NULL,
    token          TEXT    NOT NULL,
    user_name      TEXT    NOT NULL,
    channel        TEXT    NOT NULL,
    requests       INTEGER NOT NULL,
    input          INTEGER NOT NULL,
    cache_read     INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    reasoning      INTEGER NOT NULL,
    audio_input    INTEGER NOT NULL,
    audio_output   INTEGER NOT NULL,
    image_input    INTEGER NOT NULL,
    image_output   INTEGER NOT NULL,
    cost           INTEGER NOT NULL,
    PRIMARY KEY (at, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_days (
    at             INTEGER NOT NULL,
    digest         TEXT    NOT NULL,
    model          TEXT    NOT NULL,
    token          TEXT    NOT NULL,
    user_name      TEXT    NOT NULL,
    channel        TEXT    NOT NULL,
    requests       INTEGER NOT NULL,
    input          INTEGER NOT NULL,
    cache_read     INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    reasoning      INTEGER NOT NULL,
    audio_input    INTEGER NOT NULL,
    audio_output   INTEGER NOT NULL,
    image_input    INTEGER NOT NULL,
    image_output   INTEGER NOT NULL,
    cost           INTEGER NOT NULL,
    PRIMARY KEY (at, digest)
) STRICT, WITHOUT ROWID;

-- The rows there are. Their digests only have to differ from all others. Counts that no request can
-- have are cut, as they are when rows come.
INSERT INTO usage_hours
SELECT at - (at % 3600000000 + 3600000000) % 3600000000, lower(hex(randomblob(16))),
       model, token, user_name, coalesce(channel, ''), count(*),
       sum(min(input, 1 << 40)), sum(min(cache_read, 1 << 40)),
       sum(min(cache_write_5m, 1 << 40)), sum(min(cache_write_1h, 1 << 40)),
       sum(min(output, 1 << 40)), sum(min(reasoning, 1 << 40)),
       sum(min(audio_input, 1 << 40)), sum(min(audio_output, 1 << 40)),
       sum(min(image_input, 1 << 40)), sum(min(image_output, 1 << 40)),
       sum(max(-1000000000000000, min(cost, 1000000000000000)))
FROM requests
GROUP BY 1, 3, 4, 5, 6;

INSERT INTO usage_days
SELECT at - (at % 86400000000 + 86400000000) % 86400000000, lower(hex(randomblob(16))),
       model, token, user_name, channel, sum(requests),
       sum(input), sum(cache_read), sum(cache_write_5m), sum(cache_write_1h),
       sum(output), sum(reasoning), sum(audio_input), sum(audio_output),
       sum(image_input), sum(image_output), sum(cost)
FROM usage_hours
GROUP BY 1, 3, 4, 5, 6;
