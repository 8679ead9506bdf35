-- A job is one act on many deliveries.  Its items are frozen when it is previewed; the fleet carries it out in slices.
create table jobs (
    id          bigint generated always as identity primary key,
    act         text not null check (act in ('replay', 'approve', 'correct', 'resolve', 'undo')),
    options     jsonb not null default '{}',            -- how the act is done; what is personal is sealed
    selection   text not null,                          -- by what the items were chosen, for people
    undoes      bigint references jobs on delete cascade,
    state       text not null default 'previewed'
        check (state in ('previewed', 'running', 'paused', 'cancelled', 'done')),
    who         text not null,
    created_at  timestamptz not null default now(),
    started_at  timestamptz,
    ended_at    timestamptz,
    due_at      timestamptz not null default now()      -- when the next slice may be tried
);
create index jobs_due on jobs (due_at) where state = 'running';

create table job_items (
    job         bigint not null references jobs on delete cascade,
    delivery    bigint not null,                        -- may be gone by now
    target      smallint not null,                      -- 0: what no workflow took
    state       text not null,                          -- from here on: the delivery when the item was frozen
    version     bigint not null,
    round       integer not null,
    step        text not null,
    finished_at timestamptz,
    code        text,
    reason      text,
    hint        text,
    result      text check (result in ('applied', 'skipped', 'failed')),    -- null: it waits
    remark      text,                                   -- why it was skipped, or failed
    again       bigint,                                 -- the delivery that goes on: itself, or a new one
    decision    bigint,                                 -- what approve or correct has made
    at          timestamptz,
    primary key (job, delivery)
);
create index job_items_waiting on job_items (job, target, delivery) where result is null;
create index job_items_by_delivery on job_items (again) where again is not null;

-- What jobs have sent and is under way is counted by target before more is sent.
create index replays_under_way on deliveries (target) where open and priority >= 2;
