-- What a person has decided about a delivery that was held or dead, and where a repeated one came from.
alter table deliveries
    add column replay_of bigint,                        -- the closed delivery it repeats; may be gone by now
    add column edited   text check (edited in ('event', 'target')), -- which document a person has corrected
    add column approved text[] not null default '{}';   -- codes of failed checks that a person lets it pass
create index failures_of_a_kind on deliveries (fingerprint) where state in ('held', 'dead');

-- Who did what.  No personal data, and no references: it outlives what it tells of.
create table audit (
    id          bigint generated always as identity primary key,
    at          timestamptz not null default now(),
    who         text not null,
    action      text not null,
    delivery    bigint,
    detail      jsonb not null default '{}'
);
create index audit_of_delivery on audit (delivery);
