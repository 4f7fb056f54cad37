-- expands
-- Keys of artifacts stand apart from the rows of tasks, which can be made again from the event history: without its key
-- no artifact can be proved, and a key that is removed makes all bytes of its task worthless.
CREATE TABLE artifact_keys (
    task_id text PRIMARY KEY,
    v       integer NOT NULL DEFAULT 1,
    key     bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO artifact_keys (task_id, key, made_at) SELECT task_id, artifact_key, opened_at FROM tasks;

-- A task has one key whoever opens it, workers of the release before included, which know the column in tasks alone.
CREATE FUNCTION keep_artifact_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO artifact_keys (task_id, key) VALUES (NEW.task_id, NEW.artifact_key) ON CONFLICT DO NOTHING;
    SELECT key INTO STRICT NEW.artifact_key FROM artifact_keys WHERE task_id = NEW.task_id;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_artifact_key BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION keep_artifact_key();

-- Which artifact holds the event history of a closed run.
CREATE TABLE archived_runs (
    task_id     text NOT NULL,
    run_id      text NOT NULL,
    v           integer NOT NULL DEFAULT 1,
    workflow_id text NOT NULL,
    kind        text NOT NULL,
    status      text NOT NULL,
    started_at  timestamptz NOT NULL,
    closed_at   timestamptz NOT NULL,
    events      integer NOT NULL,
    bytes       bigint NOT NULL,
    artifact_id text NOT NULL,
    archived_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (task_id, run_id)
);
CREATE INDEX archived_runs_by_workflow ON archived_runs (workflow_id, started_at);

-- Hosts that ever worked for a task queue: each has workspaces of its own to look after.
CREATE TABLE hosts (
    task_queue text NOT NULL,
    host_id    text NOT NULL,
    v          integer NOT NULL DEFAULT 1,
    seen_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (task_queue, host_id)
);
