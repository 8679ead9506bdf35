-- An installation is one real system: kind + URL + database.  Crossrefs, pauses and limits belong to it, never to a
-- kind, so a changed URL is a new, empty installation.
create table installations (
    id          smallint generated always as identity primary key,
    name        text not null unique,                   -- "odoo-1"
    kind        text not null,
    url         text not null,
    database    text not null,
    since       timestamptz not null default now(),
    paused_at   timestamptz,
    paused_by   text check (paused_by in ('fleet', 'operator')), -- the fleet resumes what it paused itself
    pause_reason text,
    pause_hint  text,
    unique (kind, url, database)
);

-- The inbox.  Bodies are encrypted; what is searchable in clear is the event's id, type, object and number.
create table messages (
    id          bigint generated always as identity primary key,
    source      smallint not null references installations,
    external_id text not null,
    type        text not null,
    object_id   text not null,
    version     bigint not null,
    number      text,
    email_key   text,                                   -- HMAC of the customer's e-mail address
    body        bytea not null,
    body_hash   bytea not null,
    received_at timestamptz not null default now(),
    copies      integer not null default 0,             -- further arrivals of the same event
    unique (source, external_id)
);
create index messages_by_object on messages (object_id);
create index messages_by_number on messages (number) where number is not null;
create index messages_by_email on messages (email_key) where email_key is not null;

-- The same event id with another body: somebody's defect, or an attack.
create table conflicts (
    message     bigint not null references messages on delete cascade,
    body_hash   bytea not null,
    count       integer not null default 1,
    last_at     timestamptz not null default now(),
    primary key (message, body_hash)
);

-- What was signed correctly but could not be read.  Outside the ledger, kept seven days.
create table rejected (
    id          bigint generated always as identity primary key,
    source      smallint not null references installations,
    external_id text not null,
    reason      text not null,
    body        bytea not null,
    received_at timestamptz not null default now()
);

-- Mappings, tables and workflows by the hash of their content; a workflow's body lists the hashes of what it uses, so
-- its own hash, the pin of a delivery, stands for all of it.
create table definitions (
    hash        text primary key,
    kind        text not null,
    name        text not null,
    body        jsonb not null,
    stored_at   timestamptz not null default now()
);

-- A delivery is one effect of one message at one target.
create table deliveries (
    id          bigint generated always as identity primary key,
    message     bigint not null references messages,
    origin      bigint references deliveries,           -- the delivery whose effect asked for this one
    workflow    text,
    pin         text references definitions,
    target      smallint references installations,
    queue       text,
    entity      text not null,
    lane        text not null,
    version     bigint not null,
    priority    smallint not null default 0,            -- 0 live, 1 retry, 2 replay, 3 back-fill
    state       text not null check (state in ('ready', 'queued', 'running', 'waiting', 'done', 'skipped', 'held', 'dead')),
    step        text not null,
    due_at      timestamptz not null default now(),     -- infinity: behind another delivery of its lane
    moved_at    timestamptz not null default now(),     -- its last change of state
    lease       uuid,
    leased_until timestamptz,
    leases      integer not null default 0,             -- leases taken since the last outcome
    attempts    integer not null default 0,
    round       integer not null default 1,
    document    bytea,
    effects     text[] not null default '{}',           -- what took effect, once done
    needs       text,                                   -- the crossref it waits for
    code        text,
    reason      text,
    hint        text,
    candidates  bytea,
    fingerprint text,
    created_at  timestamptz not null default now(),
    finished_at timestamptz,
    open        boolean not null generated always as (state in ('ready', 'queued', 'running', 'waiting')) stored
);
create unique index one_running_per_lane on deliveries (lane) where state = 'running';
create index open_in_lane on deliveries (lane, version, id) where open;
create index due on deliveries (queue, priority, due_at) where state in ('ready', 'waiting');
create index queued on deliveries (queue, moved_at) where state = 'queued';
create index leased on deliveries (leased_until) where state = 'running';
create index behind_others on deliveries (lane) where state = 'waiting' and due_at = 'infinity';
create index needing on deliveries (needs) where state = 'waiting' and needs is not null;
create index for_a_person on deliveries (state, id) where state in ('held', 'dead');
create index of_lane_for_a_person on deliveries (lane) where state in ('held', 'dead');
create index deliveries_of_message on deliveries (message);

-- Every try of every effect.  The intent is committed, with the frozen request, before the call is made.
create table attempts (
    id          bigint generated always as identity primary key,
    delivery    bigint not null references deliveries,
    round       integer not null,
    effect      text not null,
    request     bytea,                                  -- null: found at the target, never sent
    answer      bytea,
    outcome     text check (outcome in ('ok', 'found', 'failed', 'unknown')),
    code        text,
    started_at  timestamptz not null default clock_timestamp(),
    finished_at timestamptz
);
create unique index one_success_per_effect on attempts (delivery, round, effect) where outcome in ('ok', 'found');
create index attempts_of_delivery on attempts (delivery, effect);

-- Our id <-> theirs, per installation.  Never removed.  their_id is null while somebody creates the object.
create table crossrefs (
    installation smallint not null references installations,
    entity      text not null,
    our_id      text not null,
    their_id    text,
    number      text,
    version     bigint,                                 -- of the document that was last applied
    digest      text,                                   -- of the document that was last applied
    reserved_by bigint,
    reserved_until timestamptz,
    written_at  timestamptz not null default now(),
    primary key (installation, entity, our_id)
);
create unique index one_crossref_per_object on crossrefs (installation, entity, their_id)
    where entity in ('order', 'shipment', 'invoice', 'return', 'payment');

-- Counted by the insert itself, so that the ledger has a second witness.  Shards keep writers out of each other's way.
create table counters (
    name        text not null,                          -- "accepted", "removed", "copies", "conflicts"
    source      smallint not null references installations,
    day         date not null,
    shard       smallint not null,
    value       bigint not null,
    primary key (name, source, day, shard)
);

-- The figures of finished days, sealed: they must never change again, except by retention, which counts.
create table sealed_days (
    day         date not null,
    source      smallint not null references installations,
    accepted    bigint not null,
    done        bigint not null,
    skipped     bigint not null,
    sealed_at   timestamptz not null default now(),
    primary key (day, source)
);

-- Secrets of the fleet's own, encrypted, that a rotation of the encryption keys must not change.
create table secrets (
    name        text primary key,
    value       bytea not null
);
