-- The log of audit events. A row of audit_log says where an account's log begins and ends: how many events there are
-- before, and the hash of them all. Numbers are those in the events themselves.

CREATE TABLE audit_log (
    log_key     INTEGER PRIMARY KEY AUTOINCREMENT,
    account     TEXT NOT NULL UNIQUE,
    first_count INTEGER NOT NULL,
    first_hash  BLOB NOT NULL,
    last_count  INTEGER NOT NULL,
    last_hash   BLOB NOT NULL
) STRICT;

CREATE TABLE audit_event (
    log_key INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    record  TEXT NOT NULL,
    PRIMARY KEY (log_key, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_event_by_time ON audit_event (log_key, at, number);

-- What events are found by. The number of a term is the program's.
CREATE TABLE audit_term (
    log_key INTEGER NOT NULL,
    term    INTEGER NOT NULL,
    value   TEXT NOT NULL,
    at      INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    PRIMARY KEY (log_key, term, value, at, number)
) STRICT, WITHOUT ROWID;

-- How far each sink has read.
CREATE TABLE audit_cursor (
    account TEXT NOT NULL,
    sink    TEXT NOT NULL,
    next    INTEGER NOT NULL,
    PRIMARY KEY (account, sink)
) STRICT, WITHOUT ROWID;
