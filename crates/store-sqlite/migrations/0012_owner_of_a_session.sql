-- Policies know the owner of a session by the id that is given once. Earlier sessions belong to users, whose paths and
-- names stand in their ARNs.

ALTER TABLE session ADD COLUMN owner_id TEXT;

UPDATE session SET owner_id = (
    SELECT identity_id FROM identity
    WHERE identity.account = session.account AND kind = 'user'
    AND session.owner = 'arn:aws:iam::' || session.account || ':user' || identity.path || identity.name
);
