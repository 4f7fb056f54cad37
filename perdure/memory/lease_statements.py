"""The SQL of leases. Every statement is one round trip and one transaction.

``revision`` grows with each change of a workspace's row. ``CLAIM`` judges the row and the recorded calls as one snapshot
and takes the row only if its revision is still the one it judged: where another process was faster, nothing is taken
and the statement is sent again.
"""

from perdure.memory.batches import keeping
from perdure.memory.entries import INSERT

PREPARE = """
WITH reopened AS (UPDATE tasks SET status = 'working', closed_at = NULL WHERE task_id = $1)
INSERT INTO workspaces AS w (
    task_id, revision, epoch, dispatch, attempt, generation, host_id, ready, built, busy,
    prepared_run, prepared_dispatch, prepared_attempt
)
VALUES ($1, 1, 1, 0, 0, 1, $2, false, false, false, $3, $4, $5)
ON CONFLICT (task_id) DO UPDATE SET
    revision = w.revision + 1, epoch = w.epoch + 1, dispatch = 0, attempt = 0, generation = w.generation + 1,
    host_id = excluded.host_id, ready = false, built = false, busy = false,
    prepared_run = excluded.prepared_run, prepared_dispatch = excluded.prepared_dispatch,
    prepared_attempt = excluded.prepared_attempt, updated_at = now()
WHERE excluded.prepared_run = '' OR w.prepared_run <> excluded.prepared_run
   OR (w.prepared_dispatch, w.prepared_attempt) < (excluded.prepared_dispatch, excluded.prepared_attempt)
RETURNING epoch, generation
"""

READY = """
UPDATE workspaces SET
    ready = true, built = true, busy = false, checkpoint = $3::text::json, checkpoint_commit = $4,
    revision = revision + 1, updated_at = now()
WHERE task_id = $1 AND epoch = $2 AND NOT ready
RETURNING epoch
"""

STATE = "SELECT epoch, dispatch, attempt, ready, host_id FROM workspaces WHERE task_id = $1"

LAST_CHECKPOINT = "SELECT checkpoint FROM workspaces WHERE task_id = $1 AND checkpoint IS NOT NULL"

CLAIM = """
WITH held AS MATERIALIZED (
    SELECT * FROM workspaces WHERE task_id = $1
), done AS MATERIALIZED (
    SELECT sequence, call_index, result, checkpoint, checkpoint_commit, head FROM calls
    WHERE task_id = $1 AND run_id = $2 AND step = $3 AND ($4::int[] IS NULL OR call_index = ANY ($4::int[]))
), last AS (
    SELECT checkpoint, checkpoint_commit, head FROM done ORDER BY sequence DESC LIMIT 1
), wanted AS (
    SELECT coalesce((SELECT checkpoint FROM last), $9::text::json) AS checkpoint,
           coalesce((SELECT checkpoint_commit FROM last), $10) AS checkpoint_commit,
           coalesce((SELECT head FROM last), '') AS head,
           $4::int[] IS NULL OR (SELECT count(*) FROM done) < cardinality($4::int[]) OR cardinality($4::int[]) = 0
               AS to_run
), judged AS MATERIALIZED (
    SELECT held.*, wanted.checkpoint AS wanted_checkpoint, wanted.checkpoint_commit AS wanted_commit,
           wanted.head, wanted.to_run,
           wanted.to_run AND (
               held.busy OR NOT held.built OR held.host_id <> $8 OR held.epoch <> $5
               OR held.checkpoint_commit <> wanted.checkpoint_commit
           ) AS fresh
    FROM held CROSS JOIN wanted
), taken AS (
    UPDATE workspaces w SET
        revision = w.revision + 1, epoch = $5, dispatch = $6, attempt = $7, updated_at = now(),
        generation = w.generation + j.fresh::int,
        host_id = CASE WHEN j.to_run THEN $8 ELSE w.host_id END,
        built = CASE WHEN j.to_run THEN NOT j.fresh ELSE w.built END,
        busy = CASE WHEN j.to_run THEN $11 ELSE w.busy END,
        checkpoint = CASE WHEN j.to_run THEN j.wanted_checkpoint ELSE w.checkpoint END,
        checkpoint_commit = CASE WHEN j.to_run THEN j.wanted_commit ELSE w.checkpoint_commit END
    FROM judged j
    WHERE w.task_id = $1 AND w.revision = j.revision AND w.ready
      AND (w.epoch, w.dispatch, w.attempt) < ($5, $6, $7)
    RETURNING w.generation
)
SELECT j.epoch, j.dispatch, j.attempt, j.ready, j.fresh, j.wanted_checkpoint, j.head,
       (SELECT generation FROM taken) AS generation,
       (SELECT json_agg(json_build_array(call_index, result)) FROM done) AS stored
FROM judged j
"""

MATERIALISED = """
UPDATE workspaces SET built = true, revision = revision + 1, updated_at = now()
WHERE task_id = $1 AND (epoch, dispatch, attempt) = ($2, $3, $4)
RETURNING task_id
"""

SETTLED = """
UPDATE workspaces SET
    built = true, busy = false, checkpoint = $5::text::json, checkpoint_commit = $6,
    revision = revision + 1, updated_at = now()
WHERE task_id = $1 AND (epoch, dispatch, attempt) = ($2, $3, $4)
RETURNING task_id
"""

RECORD = f"""
WITH held AS (
    UPDATE workspaces SET
        built = true, busy = $14, checkpoint = $15::text::json, checkpoint_commit = $16,
        revision = revision + 1, updated_at = now()
    WHERE task_id = $1 AND (epoch, dispatch, attempt) = ($10, $11, $12)
    RETURNING 1
), kept AS (
    INSERT INTO calls (task_id, run_id, step, call_index, result, checkpoint, checkpoint_commit, head)
    SELECT $1, $13, $17, u.call_index, u.result::json, $15::text::json, $16, $18
    FROM unnest($19::int[], $20::text[]) AS u (call_index, result)
    WHERE EXISTS (SELECT 1 FROM held)
    ON CONFLICT DO NOTHING RETURNING call_index
), batch AS ({keeping(21, only_where="EXISTS (SELECT 1 FROM held)")}), added AS (
    {INSERT} WHERE EXISTS (SELECT 1 FROM held) ON CONFLICT DO NOTHING
)
SELECT EXISTS (SELECT 1 FROM held) AS held, ARRAY (SELECT call_index FROM kept) AS kept
"""

RECORDED = """
SELECT call_index, result FROM calls
WHERE task_id = $1 AND run_id = $2 AND step = $3 AND call_index = ANY ($4::int[])
"""

CHECKPOINT_AT = """
WITH RECURSIVE chain AS (
    SELECT digest, parent, depth, step, kind FROM entries WHERE task_id = $1 AND digest = $2
    UNION ALL
    SELECT e.digest, e.parent, e.depth, e.step, e.kind
    FROM chain c JOIN entries e ON e.task_id = $1 AND e.digest = c.parent
), ended AS (
    SELECT * FROM chain WHERE step <= $3 AND kind = 'result'
)
SELECT (SELECT count(*) FROM ended) AS results, (
    SELECT calls.checkpoint FROM calls JOIN ended ON calls.head = ended.digest
    WHERE calls.task_id = $1 ORDER BY ended.depth DESC LIMIT 1
) AS checkpoint
"""
