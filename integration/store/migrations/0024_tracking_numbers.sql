-- The numbers by which a carrier knows a shipment, in `body -> 'tracking'`, without blanks and in capitals: an order is
-- found by one of them.  What was recorded before has none until its shipment changes again.
create index shipments_by_tracking_number on progress using gin ((body -> 'tracking'))
    where entity = 'shipment' and body ? 'tracking';
