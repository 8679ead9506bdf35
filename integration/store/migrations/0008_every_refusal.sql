-- Whatever the receiver refuses, by the minute, kept for a day; without a source where none could be told.
alter table refusals drop constraint refusals_pkey;
alter table refusals alter column source drop not null;
create unique index refusals_once on refusals (coalesce(source, 0::smallint), minute, reason);
alter table refusals drop constraint refusals_reason_check;
alter table refusals add constraint refusals_reason_check check (reason in (
    'unknown_path', 'unknown_source', 'unknown_hint', 'slow', 'too_large', 'media_type', 'unsigned', 'stale',
    'unproven', 'unreadable', 'malformed', 'conflict', 'not_stored', 'defect'));

-- The same since the beginning, for counters that never step back.
create table refused (
    source      smallint references installations,
    reason      text not null,
    count       bigint not null
);
create unique index refused_once on refused (coalesce(source, 0::smallint), reason);
insert into refused select source, reason, sum(count) from refusals group by source, reason;
