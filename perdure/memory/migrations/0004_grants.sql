-- expands
-- Decisions of people that are remembered for a task or a repository. What people wrote stands inside the JSON.
CREATE TABLE grants (
    grant_id   text PRIMARY KEY,
    v          integer NOT NULL DEFAULT 1,
    scope      text NOT NULL,
    task_id    text NOT NULL,
    repository text NOT NULL,
    shape      text NOT NULL,
    entry      text NOT NULL,
    given      json NOT NULL,
    given_at   timestamptz NOT NULL,
    expires_at timestamptz,
    revoked    json,
    revoked_at timestamptz,
    void_at    timestamptz
);
CREATE INDEX grants_by_shape ON grants (shape);
CREATE INDEX grants_by_task ON grants (task_id);

-- When the task was begun or taken back last: what was remembered by a step that was under way then is void.
ALTER TABLE tasks ADD COLUMN rewound_at timestamptz NULL;
