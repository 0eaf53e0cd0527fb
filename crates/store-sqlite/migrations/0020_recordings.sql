-- How a session is recorded (JSON, only ever read whole); none for one that is not.

ALTER TABLE session ADD COLUMN recording TEXT;

-- Whether that recording has not ended yet.

ALTER TABLE session ADD COLUMN recording_open INTEGER NOT NULL DEFAULT 0;

CREATE INDEX session_recording_open ON session (account, region, session_id)
    WHERE recording_open = 1 AND ended_at IS NOT NULL;

-- What is known of recordings beside their files.

CREATE TABLE recording (
    account      TEXT    NOT NULL,
    region       TEXT    NOT NULL,
    session_id   TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    head_count   INTEGER NOT NULL,
    head_hash    BLOB    NOT NULL,
    head_time    INTEGER NOT NULL,
    head_key     TEXT    NOT NULL,
    head_signature BLOB  NOT NULL,
    ended_at     INTEGER,
    output_bytes INTEGER,
    input_bytes  INTEGER,
    gaps         INTEGER,
    stored_bytes INTEGER,
    PRIMARY KEY (account, region, session_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX recording_loose ON recording (account, region, started_at, session_id)
    WHERE ended_at IS NOT NULL AND stored_bytes IS NULL;

-- The keys that sign them, each certified by the one before it.

CREATE TABLE recording_key (
    place       INTEGER NOT NULL PRIMARY KEY,
    certificate TEXT    NOT NULL,
    sealed_seed BLOB
) STRICT;
