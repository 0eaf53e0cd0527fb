-- Logs. Groups belong to an account and a region, everything else to its group. The keys are this database's own and
-- never used again, so the events of a removed stream are nobody's, and are swept little by little.

CREATE TABLE log_group (
    group_key      INTEGER PRIMARY KEY AUTOINCREMENT,
    account        TEXT NOT NULL,
    region         TEXT NOT NULL,
    name           TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    retention_days INTEGER,
    kms_key_id     TEXT,
    stored_bytes   INTEGER NOT NULL,
    last_sequence  INTEGER NOT NULL,
    tags           TEXT NOT NULL, -- JSON, only ever read whole
    UNIQUE (account, region, name)
) STRICT;

CREATE TABLE log_stream (
    stream_key        INTEGER PRIMARY KEY AUTOINCREMENT,
    group_key         INTEGER NOT NULL REFERENCES log_group (group_key),
    name              TEXT NOT NULL,
    created_at        INTEGER NOT NULL,
    last_event_at     INTEGER,
    last_ingestion_at INTEGER,
    last_sequence     INTEGER NOT NULL,
    UNIQUE (group_key, name)
) STRICT;

CREATE INDEX log_stream_by_last_event ON log_stream (group_key, last_event_at, name);

CREATE TABLE log_event (
    event_key   INTEGER PRIMARY KEY,
    group_key   INTEGER NOT NULL,
    stream_key  INTEGER NOT NULL,
    timestamp   INTEGER NOT NULL,
    sequence    INTEGER NOT NULL,
    ingested_at INTEGER NOT NULL,
    message     BLOB NOT NULL
) STRICT;

CREATE INDEX log_event_by_stream ON log_event (stream_key, timestamp, sequence);
CREATE INDEX log_event_by_group ON log_event (group_key, timestamp, sequence);

-- Streams that were removed, until their events are.
CREATE TABLE log_stream_removed (
    stream_key INTEGER NOT NULL PRIMARY KEY
) STRICT;
