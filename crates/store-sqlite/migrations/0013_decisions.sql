-- Sessions keep what their start was allowed for (JSON, only ever read whole), so that it can be asked again. Those of
-- earlier releases have none.

ALTER TABLE session ADD COLUMN grounds TEXT;

-- One number that is another after each change of what decisions about sessions rest on. The triggers raise it, so that
-- no act can forget to; a test knows for each table whether it counts.

CREATE TABLE decision (
    only_one   INTEGER NOT NULL PRIMARY KEY CHECK (only_one = 1),
    generation INTEGER NOT NULL
) STRICT;

INSERT INTO decision (only_one, generation) VALUES (1, 1);

CREATE TRIGGER identity_made AFTER INSERT ON identity BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER identity_changed AFTER UPDATE ON identity BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER identity_deleted AFTER DELETE ON identity BEGIN UPDATE decision SET generation = generation + 1; END;

CREATE TRIGGER group_member_added AFTER INSERT ON group_member BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER group_member_removed AFTER DELETE ON group_member BEGIN UPDATE decision SET generation = generation + 1; END;

CREATE TRIGGER inline_policy_made AFTER INSERT ON inline_policy BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER inline_policy_changed AFTER UPDATE ON inline_policy BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER inline_policy_deleted AFTER DELETE ON inline_policy BEGIN UPDATE decision SET generation = generation + 1; END;

CREATE TRIGGER policy_changed AFTER UPDATE OF default_version ON policy BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER policy_deleted AFTER DELETE ON policy BEGIN UPDATE decision SET generation = generation + 1; END;

CREATE TRIGGER policy_version_changed AFTER UPDATE ON policy_version BEGIN UPDATE decision SET generation = generation + 1; END;

CREATE TRIGGER attached_policy_added AFTER INSERT ON attached_policy BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER attached_policy_removed AFTER DELETE ON attached_policy BEGIN UPDATE decision SET generation = generation + 1; END;

-- When a key was last used is noted often, and decides nothing.
CREATE TRIGGER access_key_changed AFTER UPDATE OF active, user_id ON access_key BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER access_key_deleted AFTER DELETE ON access_key BEGIN UPDATE decision SET generation = generation + 1; END;

CREATE TRIGGER node_tag_added AFTER INSERT ON node_tag BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER node_tag_changed AFTER UPDATE ON node_tag BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER node_tag_removed AFTER DELETE ON node_tag BEGIN UPDATE decision SET generation = generation + 1; END;

CREATE TRIGGER document_made AFTER INSERT ON document BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER document_deleted AFTER DELETE ON document BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER document_tag_added AFTER INSERT ON document_tag BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER document_tag_changed AFTER UPDATE ON document_tag BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER document_tag_removed AFTER DELETE ON document_tag BEGIN UPDATE decision SET generation = generation + 1; END;
