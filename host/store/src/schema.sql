-- Version 1. A change that an older taskhost could not read is a file of its own, and raises the number in `database.rs`.
-- Times of day are milliseconds since 1970, other times nanoseconds since the run's start.
-- Blobs are in the binary form of `taskhost_model::codec`.

CREATE TABLE runs (
    number INTEGER PRIMARY KEY,      -- names the run in the other tables
    id TEXT NOT NULL UNIQUE,         -- as printed: sorts by time
    flow TEXT NOT NULL,
    state TEXT NOT NULL,             -- running, succeeded, failed, cancelled; running without a holder of its lock is interrupted
    labels TEXT NOT NULL,            -- JSON
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    elapsed_ns INTEGER NOT NULL DEFAULT 0,   -- time of the last event
    resumed INTEGER NOT NULL DEFAULT 0,
    task_runs INTEGER NOT NULL DEFAULT 0,
    task_runs_ended INTEGER NOT NULL DEFAULT 0,
    task_runs_failed INTEGER NOT NULL DEFAULT 0,
    task_runs_cached INTEGER NOT NULL DEFAULT 0,
    retries INTEGER NOT NULL DEFAULT 0,
    usage BLOB,
    failure TEXT,                    -- the first
    chunks INTEGER NOT NULL DEFAULT 0,
    log_lines INTEGER NOT NULL DEFAULT 0,
    log_bytes INTEGER NOT NULL DEFAULT 0,
    log_lines_left_out INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX runs_by_flow ON runs (flow, id);
CREATE INDEX runs_by_state ON runs (state, id);

-- What a run was started with.
CREATE TABLE records (run INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE given (
    run INTEGER NOT NULL,
    kind TEXT NOT NULL,              -- parameter, file
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (run, kind, position)
) WITHOUT ROWID;

-- One row for each commit of a run; key: number of the run << 32 | position.
CREATE TABLE journal (key INTEGER PRIMARY KEY, chunk BLOB NOT NULL);

-- Lines of logs; key: number of the run << 32 | number of the first line.
CREATE TABLE logs (key INTEGER PRIMARY KEY, chunk BLOB NOT NULL);

-- One row for each task, or for the same task in all runs of a mapped subflow.
CREATE TABLE tasks (
    run INTEGER NOT NULL,
    position INTEGER NOT NULL,
    path TEXT NOT NULL,
    state TEXT NOT NULL,             -- running, succeeded, failed, skipped, not-run, cancelled
    needed TEXT,                     -- not-run: the task that failed
    tasks INTEGER NOT NULL,
    tasks_ended INTEGER NOT NULL,
    task_runs INTEGER NOT NULL,
    task_runs_ended INTEGER NOT NULL,
    task_runs_failed INTEGER NOT NULL,
    task_runs_cached INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    usage BLOB NOT NULL,
    started_ns INTEGER,
    ended_ns INTEGER,
    failures BLOB,
    progress BLOB,
    PRIMARY KEY (run, position)
) WITHOUT ROWID;

-- Requests from other processes.
CREATE TABLE cancels (run INTEGER PRIMARY KEY, requests INTEGER NOT NULL);

-- Which stored values a run needs.
CREATE TABLE artifact_uses (digest BLOB NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (digest, run)) WITHOUT ROWID;
CREATE INDEX artifact_uses_by_run ON artifact_uses (run);

-- Results that may be used again.
CREATE TABLE cache (
    identity BLOB PRIMARY KEY,
    value BLOB NOT NULL,
    artifact BLOB,                   -- the digest, if the value is kept as an artifact
    artifact_bytes INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    run TEXT NOT NULL,
    component TEXT NOT NULL,
    function TEXT NOT NULL
);
CREATE INDEX cache_by_artifact ON cache (artifact) WHERE artifact IS NOT NULL;

-- A row to write when nothing else is, so that what was written before becomes durable.
CREATE TABLE durable (one INTEGER PRIMARY KEY, times INTEGER NOT NULL);
