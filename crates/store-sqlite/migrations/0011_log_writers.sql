-- How much of a node's there is in the logs. Each event says whose it is, so that what is forgotten can be taken off
-- again. Events from before say nothing, and count for nobody.

CREATE TABLE log_writer (
    writer_key   INTEGER PRIMARY KEY AUTOINCREMENT,
    account      TEXT NOT NULL,
    region       TEXT NOT NULL,
    node_id      TEXT NOT NULL,
    stored_bytes INTEGER NOT NULL,
    UNIQUE (account, region, node_id)
) STRICT;

ALTER TABLE log_event ADD COLUMN writer_key INTEGER;
