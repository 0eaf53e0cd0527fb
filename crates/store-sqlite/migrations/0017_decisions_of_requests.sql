-- What is known about whoever asks is kept for as long as the number of decisions is the same. So it has to grow with
-- everything that this rests on: with a managed policy that takes the place of one that was gone, and with changes that
-- only somebody with a shell makes.

CREATE TRIGGER policy_made AFTER INSERT ON policy BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER policy_moved AFTER UPDATE OF account, arn, policy_id ON policy BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER policy_version_deleted AFTER DELETE ON policy_version BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER group_member_changed AFTER UPDATE ON group_member BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER attached_policy_changed AFTER UPDATE ON attached_policy BEGIN UPDATE decision SET generation = generation + 1; END;
CREATE TRIGGER access_key_sealed AFTER UPDATE OF account, access_key_id, sealed_secret ON access_key BEGIN UPDATE decision SET generation = generation + 1; END;
