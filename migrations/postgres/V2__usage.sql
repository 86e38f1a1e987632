-- What was used, summed up as the rows come: by the hour and by the day that begins `at`.
-- `digest` stands for the four names; a channel of '' means that none was reached.
CREATE TABLE usage_hours (
    at             BIGINT NOT NULL,
    digest         TEXT COLLATE "C" NOT NULL,
    model          TEXT COLLATE "C" NOT NULL,
    token          TEXT COLLATE "C" NOT NULL,
    user_name      TEXT COLLATE "C" NOT NULL,
    channel        TEXT COLLATE "C" NOT NULL,
    requests       BIGINT NOT NULL,
    input          BIGINT NOT NULL,
    cache_read     BIGINT NOT NULL,
    cache_write_5m BIGINT NOT NULL,
    cache_write_1h BIGINT NOT NULL,
    output         BIGINT NOT NULL,
    reasoning      BIGINT NOT NULL,
    audio_input    BIGINT NOT NULL,
    audio_output   BIGINT NOT NULL,
    image_input    BIGINT NOT NULL,
    image_output   BIGINT NOT NULL,
    cost           BIGINT NOT NULL,
    PRIMARY KEY (at, digest)
)
-- Room on each page for the next version of a row: the rows of this hour change all the time.
WITH (fillfactor = 70);

CREATE TABLE usage_days (
    at             BIGINT NOT NULL,
    digest         TEXT COLLATE "C" NOT NULL,
    model          TEXT COLLATE "C" NOT NULL,
    token          TEXT COLLATE "C" NOT NULL,
    user_name      TEXT COLLATE "C" NOT NULL,
    channel        TEXT COLLATE "C" NOT NULL,
    requests       BIGINT NOT NULL,
    input          BIGINT NOT NULL,
    cache_read     BIGINT NOT NULL,
    cache_write_5m BIGINT NOT NULL,
    cache_write_1h BIGINT NOT NULL,
    output         BIGINT NOT NULL,
    reasoning      BIGINT NOT NULL,
    audio_input    BIGINT NOT NULL,
    audio_output   BIGINT NOT NULL,
    image_input    BIGINT NOT NULL,
    image_output   BIGINT NOT NULL,
    cost           BIGINT NOT NULL,
    PRIMARY KEY (at, digest)
) WITH (fillfactor = 70);
