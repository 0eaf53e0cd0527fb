-- Identities and policies belong to an account. Their names are unique whatever their case: name_key is the name in
-- lower case. Roles have three columns more than the others.

CREATE TABLE identity (
    account             TEXT NOT NULL,
    identity_id         TEXT NOT NULL,
    kind                TEXT NOT NULL CHECK (kind IN ('user', 'group', 'role')),
    name                TEXT NOT NULL,
    name_key            TEXT NOT NULL,
    path                TEXT NOT NULL,
    created_at          INTEGER NOT NULL,
    boundary            TEXT,
    tags                TEXT NOT NULL, -- JSON, only ever read whole
    trust_policy        TEXT,
    description         TEXT,
    max_session_seconds INTEGER,
    PRIMARY KEY (account, identity_id),
    UNIQUE (account, kind, name_key),
    CHECK ((kind = 'role') = (trust_policy IS NOT NULL)),
    CHECK ((kind = 'role') = (description IS NOT NULL)),
    CHECK ((kind = 'role') = (max_session_seconds IS NOT NULL))
) STRICT;

CREATE INDEX identity_by_boundary ON identity (account, boundary) WHERE boundary IS NOT NULL;

CREATE TABLE group_member (
    account  TEXT NOT NULL,
    user_id  TEXT NOT NULL,
    group_id TEXT NOT NULL,
    PRIMARY KEY (account, user_id, group_id),
    FOREIGN KEY (account, user_id) REFERENCES identity (account, identity_id),
    FOREIGN KEY (account, group_id) REFERENCES identity (account, identity_id)
) STRICT;

CREATE INDEX group_member_by_group ON group_member (account, group_id, user_id);

CREATE TABLE inline_policy (
    account     TEXT NOT NULL,
    identity_id TEXT NOT NULL,
    name        TEXT NOT NULL,
    document    TEXT NOT NULL,
    PRIMARY KEY (account, identity_id, name),
    FOREIGN KEY (account, identity_id) REFERENCES identity (account, identity_id)
) STRICT;

-- A version's number is given once: versions_made only grows, while versions can be deleted.
CREATE TABLE policy (
    account         TEXT NOT NULL,
    policy_id       TEXT NOT NULL,
    arn             TEXT NOT NULL,
    name            TEXT NOT NULL,
    name_key        TEXT NOT NULL,
    path            TEXT NOT NULL,
    description     TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    default_version INTEGER NOT NULL,
    versions_made   INTEGER NOT NULL CHECK (default_version <= versions_made),
    tags            TEXT NOT NULL, -- JSON, only ever read whole
    PRIMARY KEY (account, policy_id),
    UNIQUE (account, arn),
    UNIQUE (account, name_key)
) STRICT;

CREATE TABLE policy_version (
    account    TEXT NOT NULL,
    policy_id  TEXT NOT NULL,
    version    INTEGER NOT NULL,
    document   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account, policy_id, version),
    FOREIGN KEY (account, policy_id) REFERENCES policy (account, policy_id) ON DELETE CASCADE
) STRICT;

-- The service's own policies are not stored, so there is no foreign key to policies.
CREATE TABLE attached_policy (
    account     TEXT NOT NULL,
    identity_id TEXT NOT NULL,
    arn         TEXT NOT NULL,
    PRIMARY KEY (account, identity_id, arn),
    FOREIGN KEY (account, identity_id) REFERENCES identity (account, identity_id)
) STRICT;

CREATE INDEX attached_policy_by_policy ON attached_policy (account, arn, identity_id);

ALTER TABLE access_key ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
ALTER TABLE access_key ADD COLUMN last_used_at INTEGER;
ALTER TABLE access_key ADD COLUMN last_used_service TEXT;
ALTER TABLE access_key ADD COLUMN last_used_region TEXT;

CREATE INDEX access_key_by_user ON access_key (account, user_id, created_at, access_key_id);

-- Whoever had a key was an administrator, and is one as a user. Names that differ in case only were one person's.
INSERT INTO identity (account, identity_id, kind, name, name_key, path, created_at, tags)
SELECT account, 'AIDA' || substr(hex(randomblob(9)), 1, 17), 'user', name, lower(name), '/', created_at, '[]'
FROM (SELECT account, substr(principal, instr(principal, ':user/') + 6) AS name, min(created_at) AS created_at
      FROM access_key GROUP BY account, lower(principal));

UPDATE access_key SET user_id =
    (SELECT identity_id FROM identity
     WHERE identity.account = access_key.account AND kind = 'user'
       AND name_key = lower(substr(principal, instr(principal, ':user/') + 6)));

INSERT INTO attached_policy (account, identity_id, arn)
SELECT account, identity_id, 'arn:aws:iam::aws:policy/AdministratorAccess' FROM identity WHERE kind = 'user';

-- Roles were names that nodes and activations had; a path before the name is the role's. Each is a role now, which the
-- service may act as.
INSERT INTO identity (account, identity_id, kind, name, name_key, path, created_at, tags, trust_policy, description,
                      max_session_seconds)
SELECT account, 'AROA' || substr(hex(randomblob(9)), 1, 17), 'role', name, lower(name), min(path),
       CAST(unixepoch() AS INTEGER) * 1000, '[]',
       '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}]}',
       'Role of managed nodes', 3600
FROM (SELECT account, replace(iam_role, rtrim(iam_role, replace(iam_role, '/', '')), '') AS name,
             '/' || rtrim(iam_role, replace(iam_role, '/', '')) AS path
      FROM (SELECT account, iam_role FROM node UNION SELECT account, iam_role FROM activation))
WHERE name <> ''
GROUP BY account, lower(name);
