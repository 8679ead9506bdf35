-- What is wrong, or was: one row for as long as it lasts.  Names, counts and reasons only, never a document.
create table alerts (
    id          bigint generated always as identity primary key,
    kind        text not null,
    about       text not null,                          -- "odoo-1", or a queue
    level       smallint not null,                      -- rises when it gets worse
    count       bigint not null,
    since       timestamptz not null,
    says        text not null,
    fix         text not null,
    raised_at   timestamptz not null default now(),
    seen_at     timestamptz not null default now(),     -- when it was last so
    ended_at    timestamptz,
    told_at     timestamptz,                            -- when a notice last spoke of it
    told_level  smallint not null default 0,
    told_count  bigint not null default 0,
    told_end    boolean not null default false
);
create unique index one_alert_per_condition on alerts (kind, about) where ended_at is null;
create index alerts_by_end on alerts (ended_at);

-- A notice is one message for one channel, kept until it was taken.  The channel is named without its secrets.
create table notices (
    id          bigint generated always as identity primary key,
    channel     text not null,
    title       text not null,
    body        text not null,
    over        boolean not null,                       -- it brings good news only
    made_at     timestamptz not null default now(),
    due_at      timestamptz not null default now(),
    tries       integer not null default 0,
    reason      text,                                   -- why the last try failed
    sent_at     timestamptz
);
create index notices_to_send on notices (channel, id) where sent_at is null;

-- What the conditions ask: when a source was last heard of, and how what ended lately has ended.
create index messages_by_arrival on messages (source, received_at);
create index deliveries_by_end on deliveries (finished_at) include (target, state) where finished_at is not null;
