-- What came back of an order to a target, by line, is kept beside what has left: it may be sent again.
alter table progress drop constraint progress_entity_check;
alter table progress add constraint progress_entity_check
    check (entity in ('order', 'shipment', 'invoice', 'returned_goods'));
