-- The queue of the example worker. The scaler only reads it, by the query in ../policy/backlogs.yaml.
CREATE TABLE IF NOT EXISTS q2q_embedding_queue (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payload text NOT NULL DEFAULT '',
    -- With time zone: the scaler refuses naive times, because an hour's error is a missed deadline.
    enqueued_at timestamptz NOT NULL DEFAULT now(),
    deadline_at timestamptz, -- when it must be done; null: only the class's maxDelay counts
    duration interval CHECK (duration >= interval '0'), -- how long it takes; null: the class's jobDuration
    started_at timestamptz, -- set by the worker that takes it; null: waiting
    -- The worker's sign of life. A worker that was killed cannot give its item back: when the sign stops, the
    -- item counts as waiting again, for the scaler and for the next worker alike.
    heartbeat_at timestamptz,
    -- How often it was taken. It bounds what an item that kills its worker can cost, and tells a worker that
    -- was thought dead from the one that took over.
    tries integer NOT NULL DEFAULT 0,
    finished_at timestamptz,
    result text
);

-- Finished rows stay for as long as you like; neither the scaler nor a worker reads past them.
CREATE INDEX IF NOT EXISTS q2q_embedding_queue_unfinished
    ON q2q_embedding_queue (enqueued_at) WHERE finished_at IS NULL;
