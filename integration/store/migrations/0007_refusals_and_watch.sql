-- Webhooks that were refused with 401, by the minute: nothing of what they carried.  Kept for a day.
create table refusals (
    source      smallint not null references installations,
    reason      text not null check (reason in ('unsigned', 'stale', 'unproven')),
    minute      timestamptz not null,
    count       bigint not null,
    primary key (source, minute, reason)
);

-- One row: when the watch was last asked for, so that others can tell that nobody does.
create table watch (
    asked_at    timestamptz not null default now(),
    one         boolean primary key default true check (one)
);
insert into watch default values;
