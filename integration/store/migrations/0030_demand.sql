-- Of orders: how much of each SKU is wanted of an ERP, and since when the ERP shows it.  Null: not yet.
create table demand (
    installation smallint not null references installations,
    order_id text not null,
    sku text not null,
    quantity numeric not null,
    placed_at timestamptz not null,
    applied_at timestamptz,
    noted_at timestamptz not null default now(),
    primary key (installation, order_id, sku)
);
create index demand_by_sku on demand (installation, sku);
create index demand_not_applied on demand (noted_at) where applied_at is null;
create index demand_applied on demand (applied_at) where applied_at is not null;

-- The SKUs of an ERP that are sold: of others no level is of interest.  At `read_at` a level is to be read anew.
create table sold_skus (
    installation smallint not null references installations,
    sku text not null,
    read_at timestamptz default now(),
    primary key (installation, sku)
);
create index sold_skus_to_read on sold_skus (installation, read_at) where read_at is not null;

-- Orders of which nobody knows yet what they want.
create index orders_unread on deliveries (target, created_at)
where open and entity = 'order' and step in ('fetch', 'transform');
