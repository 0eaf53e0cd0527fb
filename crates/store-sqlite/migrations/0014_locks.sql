-- Users, roles and nodes can be locked (JSON, only ever read whole: why, by whom, since when).

ALTER TABLE identity ADD COLUMN lock TEXT;
ALTER TABLE node ADD COLUMN lock TEXT;

CREATE TRIGGER node_locked AFTER UPDATE OF lock ON node BEGIN UPDATE decision SET generation = generation + 1; END;
