-- Settings that somebody has set; the others have the defaults of the program.
CREATE TABLE service_setting (
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    path        TEXT NOT NULL,
    value       TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by TEXT NOT NULL,
    PRIMARY KEY (account, region, path)
) STRICT;
