-- What a rounding line at the target carries of the total that a delivery has posted, in the currency's own units.
alter table deliveries add column rounding numeric;
alter table deliveries add column rounding_currency text;

-- Of each order at each target the same, as it is now: kept with what the target carries of it, and summed by the ledger.
create index rounding_carried on progress (installation) where entity = 'order' and body ? 'rounding';
