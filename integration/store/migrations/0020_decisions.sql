-- What a person has decided about an object, for the version it was decided about and every later one up to `until`,
-- the first that shows another value.  An `approve` is about an object at its target, a `set` about an object of its
-- source, for all targets.
create table decisions (
    id          bigint generated always as identity primary key,
    kind        text not null check (kind in ('approve', 'set')),
    installation smallint not null references installations,
    entity      text not null,
    object_id   text not null,
    version     bigint not null,
    until       bigint,                                 -- null: until the source changes the value
    code        text,                                   -- approve: the check that is passed
    about       text,                                   -- approve: the digest of what it compared; null: of one version
    difference  numeric,                                -- approve: by how much sums may differ
    change      bytea,                                  -- set: path and values, sealed
    delivery    bigint not null,                        -- where it was decided; may be gone by now
    why         text,
    decided_by  text not null,
    decided_at  timestamptz not null default now(),
    revoked_by  text,
    revoked_at  timestamptz
);
create index decisions_in_force on decisions (object_id) where revoked_at is null;

-- An echo is known by what the mapping made of the event: of what was taken last, and of what waits for a person.
alter table crossrefs add column taken text;
alter table deliveries
    add column taken text,
    add column about text,                              -- of what is held: the digest of what its check compared
    add column difference numeric;                      -- and by how much its sums differ

-- What was approved before holds for that version of the object, as it did.
insert into decisions (kind, installation, entity, object_id, version, until, code, delivery, decided_by, why)
select 'approve', d.target, d.entity, m.object_id, d.version, d.version + 1, passed.code, d.id, 'fleet', 'before the upgrade'
from deliveries d join messages m on m.id = d.message cross join unnest(d.approved) as passed (code)
where d.target is not null and (d.open or d.state in ('held', 'dead'));
alter table deliveries drop column approved;
