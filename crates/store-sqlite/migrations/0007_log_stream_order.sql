-- Streams without an event come before all others, as if theirs had been at the epoch; the index has to say it as the
-- statement does, or it is not used.

DROP INDEX log_stream_by_last_event;
CREATE INDEX log_stream_by_last_event ON log_stream (group_key, COALESCE(last_event_at, 0), name);
