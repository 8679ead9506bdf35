-- Where each poll is.  It holds the lease while it asks, and moves on with each page in the transaction that accepts
-- what is on it.  Only one stream of an installation is asked at a time, so that what is read later is newer.
create table cursors (
    installation smallint not null references installations,
    stream      text not null,
    since       timestamptz not null,                   -- the newest change of all runs that ended
    run_since   timestamptz,                            -- where the run under way began; null: there is none
    page        jsonb,                                  -- where that run goes on
    seen        timestamptz,                            -- the newest change of that run
    sweeps      boolean not null default false,         -- that run reads far back
    swept_at    timestamptz not null default now(),
    due_at      timestamptz not null default now(),
    started_at  timestamptz,
    polled_at   timestamptz,                            -- when the last run ended
    lease       uuid,
    leased_until timestamptz,
    failures    integer not null default 0,
    code        text,
    reason      text,
    hint        text,
    primary key (installation, stream)
);
create unique index one_poll_at_a_time on cursors (installation) where lease is not null;

-- How far each order is at each target: what the target carries of it, what has left, what was billed.  Of an order at
-- the shop: the stage it was last told.  Ids, quantities and sums only.
create table progress (
    installation smallint not null references installations,
    entity      text not null check (entity in ('order', 'shipment', 'invoice')),
    object_id   text not null,
    order_id    text not null,
    body        jsonb not null,
    shown       boolean not null default false,         -- of a shipment or invoice: it stands at the shop
    open        boolean not null default false,         -- of an order: not all of it is shipped and paid
    looked_at   timestamptz not null default now(),     -- of an open order: when it was last asked for by its key
    primary key (installation, entity, object_id)
);
create index progress_of_order on progress (order_id);
create index open_orders on progress (installation, looked_at) where open;
