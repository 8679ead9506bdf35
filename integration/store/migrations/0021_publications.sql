-- What was published, version by version: a set of definitions, for all objects or for a share of them.
create table publications (
    version    integer primary key,
    at         timestamptz not null default now(),
    who        text not null,
    note       text not null default '',
    from_files boolean not null,
    share      smallint check (share between 1 and 99),
    hashes     text[] not null
);
insert into publications (version, at, who, note, from_files, hashes)
select 1, max(in_force_since), 'upgrade', 'in force before versions were kept', true, array_agg(hash order by hash)
from definitions where in_force_since is not null having count(*) > 0;
alter table definitions drop column in_force_since;

-- The version that a delivery was routed by; none before versions were kept.
alter table deliveries add column mapping_version integer;
