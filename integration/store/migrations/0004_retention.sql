-- What retention has removed: a copy that comes late is known all the same.  Kept 400 days.
create table seen (
    source      smallint not null references installations,
    external_id text not null,
    body_hash   bytea not null,
    message     bigint not null,                        -- the id it had
    seen_at     timestamptz not null default now(),
    primary key (source, external_id)
);
create index seen_by_age on seen (seen_at);

-- Else each delivery that is removed would be looked for among the origins of all others.
create index deliveries_by_origin on deliveries (origin) where origin is not null;

-- A sealed day speaks for its messages: the ledger adds them up again once a day only.  The days sealed so far are
-- sealed anew, with what was made in them.
truncate sealed_days;
alter table sealed_days
    add column deliveries bigint not null,              -- made on this day, of whatever message
    add column first_delivery bigint,                   -- the first of them
    add column checked_at timestamptz not null default now(), -- when all of it was last added up
    add column sound boolean not null default true;     -- and whether it held
comment on column sealed_days.done is 'as they were when last added up';
comment on column sealed_days.skipped is 'as they were when last added up';
