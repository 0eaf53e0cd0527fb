-- Devices that make one-time codes, and providers of identities. Both belong to an account. The three last columns of a
-- device are there together, or none is: a device is somebody's or nobody's.

CREATE TABLE mfa_device (
    account     TEXT NOT NULL,
    serial      TEXT NOT NULL,
    serial_key  TEXT NOT NULL,
    sealed_seed BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    tags        TEXT NOT NULL, -- JSON, only ever read whole
    user_id     TEXT,
    enabled_at  INTEGER,
    drift       INTEGER,
    last_step   INTEGER,
    PRIMARY KEY (account, serial_key),
    FOREIGN KEY (account, user_id) REFERENCES identity (account, identity_id),
    CHECK ((user_id IS NULL) = (enabled_at IS NULL)),
    CHECK ((user_id IS NULL) = (drift IS NULL)),
    CHECK ((user_id IS NULL) = (last_step IS NULL))
) STRICT;

CREATE INDEX mfa_device_by_user ON mfa_device (account, user_id, serial_key) WHERE user_id IS NOT NULL;

CREATE TABLE identity_provider (
    account     TEXT NOT NULL,
    arn         TEXT NOT NULL,
    url         TEXT NOT NULL,
    client_ids  TEXT NOT NULL, -- JSON, as are the two below
    thumbprints TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    tags        TEXT NOT NULL,
    PRIMARY KEY (account, arn),
    UNIQUE (account, url)
) STRICT;
