-- What was used, summed up as the rows come: by the hour and by the day that begins `at`.
-- `digest` stands for the four names; a channel of '' means that none was reached.
CREATE TABLE IF NOT EXISTS usage_hours (
    at             BIGINT NOT NULL,
    digest         VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    model          VARCHAR(255) NOT NULL,
    token          VARCHAR(255) NOT NULL,
    user_name      VARCHAR(255) NOT NULL,
    channel        VARCHAR(255) NOT NULL,
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
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS usage_days (
    at             BIGINT NOT NULL,
    digest         VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    model          VARCHAR(255) NOT NULL,
    token          VARCHAR(255) NOT NULL,
    user_name      VARCHAR(255) NOT NULL,
    channel        VARCHAR(255) NOT NULL,
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
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
