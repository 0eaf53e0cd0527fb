-- Everything belongs to an account and a region. Times are milliseconds since the epoch, durations milliseconds.
-- Migrations only expand, then contract in a later release: an older program can run against the schema of the next one.

CREATE TABLE access_key (
    access_key_id TEXT NOT NULL PRIMARY KEY,
    account       TEXT NOT NULL,
    principal     TEXT NOT NULL,
    sealed_secret BLOB NOT NULL,
    active        INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX access_key_by_account ON access_key (account, created_at, access_key_id);

CREATE TABLE activation (
    account               TEXT NOT NULL,
    region                TEXT NOT NULL,
    activation_id         TEXT NOT NULL,
    code_hash             BLOB NOT NULL CHECK (length(code_hash) = 32),
    description           TEXT NOT NULL,
    default_instance_name TEXT NOT NULL,
    iam_role              TEXT NOT NULL,
    registration_limit    INTEGER NOT NULL,
    registrations_count   INTEGER NOT NULL CHECK (registrations_count <= registration_limit),
    expires_at            INTEGER NOT NULL,
    created_at            INTEGER NOT NULL,
    tags                  TEXT NOT NULL, -- JSON, only ever read whole
    PRIMARY KEY (account, region, activation_id)
) STRICT;

CREATE INDEX activation_by_age ON activation (account, region, created_at, activation_id);

-- A node outlives its activation, so there is no foreign key between them.
CREATE TABLE node (
    account            TEXT NOT NULL,
    region             TEXT NOT NULL,
    node_id            TEXT NOT NULL,
    name               TEXT NOT NULL,
    activation_id      TEXT NOT NULL,
    iam_role           TEXT NOT NULL,
    fingerprint        TEXT NOT NULL,
    public_key         TEXT NOT NULL,
    key_type           TEXT NOT NULL,
    registered_at      INTEGER NOT NULL,
    agent_name         TEXT,
    agent_version      TEXT,
    agent_status       TEXT,
    computer_name      TEXT,
    ip_address         TEXT,
    platform_name      TEXT,
    platform_type      TEXT,
    platform_version   TEXT,
    last_seen_at       INTEGER,
    -- The control channel it holds: all three or none.
    connection_id      TEXT,
    connection_service TEXT,
    connected_at       INTEGER,
    -- How the last one ended: both or none.
    disconnected_at    INTEGER,
    disconnect_reason  TEXT,
    PRIMARY KEY (account, region, node_id),
    CHECK ((connection_id IS NULL) = (connection_service IS NULL) AND (connection_id IS NULL) = (connected_at IS NULL)),
    CHECK ((disconnected_at IS NULL) = (disconnect_reason IS NULL))
) STRICT;

CREATE TABLE node_tag (
    account   TEXT NOT NULL,
    region    TEXT NOT NULL,
    node_id   TEXT NOT NULL,
    tag_key   TEXT NOT NULL,
    tag_value TEXT NOT NULL,
    PRIMARY KEY (account, region, node_id, tag_key),
    FOREIGN KEY (account, region, node_id) REFERENCES node (account, region, node_id) ON DELETE CASCADE
) STRICT;

CREATE INDEX node_tag_by_key ON node_tag (account, region, tag_key, tag_value);

-- A session outlives its node, so there is no foreign key between them. ended_at says whether it is over; the status
-- says how. end_delivered says that the node knows, which is the only thing that changes after the end.
CREATE TABLE session (
    account            TEXT NOT NULL,
    region             TEXT NOT NULL,
    session_id         TEXT NOT NULL,
    node_id            TEXT NOT NULL,
    owner              TEXT NOT NULL,
    document_name      TEXT NOT NULL,
    start_content      TEXT NOT NULL,
    reason             TEXT,
    idle_timeout       INTEGER NOT NULL,
    max_duration       INTEGER,
    status             TEXT NOT NULL
        CHECK (status IN ('Connecting', 'Connected', 'Disconnected', 'Terminating', 'Terminated', 'Failed')),
    details            TEXT NOT NULL,
    started_at         INTEGER NOT NULL,
    connected_at       INTEGER,
    ended_at           INTEGER,
    end_reason         TEXT, -- JSON, only ever read whole
    token_generation   INTEGER NOT NULL,
    client_id          TEXT,
    token_used_at      INTEGER,
    reached_agent      INTEGER NOT NULL CHECK (reached_agent IN (0, 1)),
    agent_status       TEXT,
    agent_output       TEXT,
    output             TEXT NOT NULL,
    end_delivered      INTEGER NOT NULL CHECK (end_delivered IN (0, 1)),
    request_signature  BLOB NOT NULL CHECK (length(request_signature) = 32),
    request_invocation TEXT,
    PRIMARY KEY (account, region, session_id),
    UNIQUE (account, region, request_signature),
    CHECK ((ended_at IS NULL) = (status NOT IN ('Terminated', 'Failed'))),
    CHECK (token_used_at IS NULL OR client_id IS NOT NULL)
) STRICT;

CREATE INDEX session_active ON session (account, region, started_at, session_id) WHERE ended_at IS NULL;
CREATE INDEX session_active_on_node ON session (account, region, node_id) WHERE ended_at IS NULL;
CREATE INDEX session_ended ON session (account, region, started_at, session_id) WHERE ended_at IS NOT NULL;
CREATE INDEX session_forgettable ON session (account, region, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX session_end_undelivered ON session (account, region, node_id, started_at)
    WHERE end_delivered = 0 AND status IN ('Terminating', 'Terminated', 'Failed');
