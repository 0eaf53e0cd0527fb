-- Keys of the key service. They are never deleted, so an alias always has its key.

CREATE TABLE kms_key (
    account         TEXT NOT NULL,
    region          TEXT NOT NULL,
    key_id          TEXT NOT NULL,
    description     TEXT NOT NULL,
    enabled         INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    managed         INTEGER NOT NULL CHECK (managed IN (0, 1)),
    sealed_material BLOB NOT NULL,
    created_at      INTEGER NOT NULL,
    tags            TEXT NOT NULL, -- JSON, only ever read whole
    PRIMARY KEY (account, region, key_id)
) STRICT;

CREATE TABLE kms_alias (
    account    TEXT NOT NULL,
    region     TEXT NOT NULL,
    name       TEXT NOT NULL,
    key_id     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account, region, name),
    FOREIGN KEY (account, region, key_id) REFERENCES kms_key (account, region, key_id)
) STRICT;

CREATE INDEX kms_alias_by_key ON kms_alias (account, region, key_id, name);
