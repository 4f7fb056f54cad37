-- The record. JSON is kept in columns of type json, not jsonb: the digests cover the exact text of a body, and jsonb
-- would refuse NUL characters and rewrite numbers. Free text of people and models stands only inside JSON.

CREATE TABLE tasks (
    task_id      text PRIMARY KEY,
    v            integer NOT NULL DEFAULT 1,
    workflow_id  text NOT NULL,
    request      json NOT NULL,
    repository   text NOT NULL,
    status       text NOT NULL,
    summary      text NOT NULL DEFAULT '',
    artifact_key bytea NOT NULL,
    opened_at    timestamptz NOT NULL,
    closed_at    timestamptz
);
CREATE INDEX tasks_by_workflow ON tasks (workflow_id, opened_at);

CREATE TABLE entries (
    task_id text NOT NULL,
    digest  text NOT NULL,
    v       integer NOT NULL,
    parent  text NOT NULL,
    depth   integer NOT NULL,
    step    integer NOT NULL,
    kind    text NOT NULL,
    body    json NOT NULL,
    at      text NOT NULL,
    PRIMARY KEY (task_id, digest)
);

CREATE TABLE artifacts (
    task_id    text NOT NULL,
    id         text NOT NULL,
    v          integer NOT NULL DEFAULT 1,
    name       text NOT NULL,
    media_type text NOT NULL,
    bytes      bigint NOT NULL,
    body       bytea NOT NULL,
    stored_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (task_id, id)
);
-- The bodies are compressed already.
ALTER TABLE artifacts ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE answers (
    task_id   text NOT NULL,
    run_id    text NOT NULL,
    step      integer NOT NULL,
    purpose   text NOT NULL,
    v         integer NOT NULL DEFAULT 1,
    body      json NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (task_id, run_id, step, purpose)
);

CREATE TABLE calls (
    sequence          bigint GENERATED ALWAYS AS IDENTITY,
    task_id           text NOT NULL,
    run_id            text NOT NULL,
    step              integer NOT NULL,
    call_index        integer NOT NULL,
    v                 integer NOT NULL DEFAULT 1,
    result            json NOT NULL,
    checkpoint        json NOT NULL,
    checkpoint_commit text NOT NULL,
    head              text NOT NULL,
    recorded_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (task_id, run_id, step, call_index)
);

CREATE TABLE workspaces (
    task_id           text PRIMARY KEY,
    v                 integer NOT NULL DEFAULT 1,
    revision          bigint NOT NULL,
    epoch             bigint NOT NULL,
    dispatch          bigint NOT NULL,
    attempt           bigint NOT NULL,
    generation        bigint NOT NULL,
    host_id           text NOT NULL,
    ready             boolean NOT NULL,
    built             boolean NOT NULL,
    busy              boolean NOT NULL,
    checkpoint        json,
    checkpoint_commit text NOT NULL DEFAULT '',
    prepared_run      text NOT NULL,
    prepared_dispatch bigint NOT NULL,
    prepared_attempt  bigint NOT NULL,
    updated_at        timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

CREATE TABLE effects (
    task_id     text NOT NULL,
    kind        text NOT NULL,
    target      text NOT NULL,
    key         text NOT NULL,
    v           integer NOT NULL DEFAULT 1,
    intent      json NOT NULL,
    intended_at timestamptz NOT NULL,
    receipt     json,
    received_at timestamptz,
    PRIMARY KEY (task_id, kind, target, key)
);

CREATE TABLE approvals (
    task_id          text NOT NULL,
    approval_id      text NOT NULL,
    v                integer NOT NULL DEFAULT 1,
    operation_digest text NOT NULL,
    asked            json NOT NULL,
    asked_at         timestamptz NOT NULL,
    decided          json,
    decided_at       timestamptz,
    PRIMARY KEY (task_id, approval_id)
);
