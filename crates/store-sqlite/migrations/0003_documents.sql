-- A version's number is given once: versions_made only grows, while versions can be deleted.
CREATE TABLE document (
    account         TEXT NOT NULL,
    region          TEXT NOT NULL,
    name            TEXT NOT NULL,
    document_type   TEXT NOT NULL,
    target_type     TEXT,
    default_version INTEGER NOT NULL,
    versions_made   INTEGER NOT NULL CHECK (default_version <= versions_made),
    PRIMARY KEY (account, region, name)
) STRICT;

CREATE TABLE document_version (
    account        TEXT NOT NULL,
    region         TEXT NOT NULL,
    name           TEXT NOT NULL,
    version        INTEGER NOT NULL,
    version_name   TEXT,
    display_name   TEXT,
    format         TEXT NOT NULL,
    content        TEXT NOT NULL,
    content_hash   BLOB NOT NULL CHECK (length(content_hash) = 32),
    summary        TEXT NOT NULL, -- JSON, only ever read whole
    platform_types TEXT NOT NULL, -- those of the summary, a space before and behind each, for filters
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (account, region, name, version),
    UNIQUE (account, region, name, version_name),
    FOREIGN KEY (account, region, name) REFERENCES document (account, region, name) ON DELETE CASCADE
) STRICT;

CREATE TABLE document_tag (
    account   TEXT NOT NULL,
    region    TEXT NOT NULL,
    name      TEXT NOT NULL,
    tag_key   TEXT NOT NULL,
    tag_value TEXT NOT NULL,
    PRIMARY KEY (account, region, name, tag_key),
    FOREIGN KEY (account, region, name) REFERENCES document (account, region, name) ON DELETE CASCADE
) STRICT;

CREATE INDEX document_tag_by_key ON document_tag (account, region, tag_key, tag_value);

CREATE TABLE document_share (
    account        TEXT NOT NULL,
    region         TEXT NOT NULL,
    name           TEXT NOT NULL,
    shared_with    TEXT NOT NULL,
    shared_version TEXT NOT NULL CHECK (shared_version IN ('$DEFAULT', '$LATEST', '$ALL')),
    PRIMARY KEY (account, region, name, shared_with),
    FOREIGN KEY (account, region, name) REFERENCES document (account, region, name) ON DELETE CASCADE
) STRICT;
