-- Random keys of this installation, one a purpose: made when they are first needed, the same for every worker.
CREATE TABLE installation_keys (
    purpose text PRIMARY KEY,
    v       integer NOT NULL DEFAULT 1,
    key     bytea NOT NULL
);
