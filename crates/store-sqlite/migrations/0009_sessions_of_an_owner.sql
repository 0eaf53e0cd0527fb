-- How many sessions a principal has is asked at every start.

CREATE INDEX session_active_of_owner ON session (account, region, owner) WHERE ended_at IS NULL;
