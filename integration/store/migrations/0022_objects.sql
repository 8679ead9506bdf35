-- What an order is worth, as its event says; and of what a poll has read, which object it belongs to: a shipment's order.
alter table messages
    add column value    numeric,                        -- in the currency's own units
    add column currency text,
    add column part_of  text;                           -- the object_id of what it belongs to

-- One row per object, the newest first: the messages of one kind in the order of their ids, and the parts of an object.
create index messages_of_kind on messages (split_part(type, '.', 1), id);
create index parts_of_an_object on messages (part_of) where part_of is not null;
create index crossrefs_by_number on crossrefs (number) where number is not null;

-- Of what came before, as far as it is known how far the order has come by it.
update messages m set part_of = p.order_id from progress p
where p.entity in ('shipment', 'invoice') and m.source = p.installation and m.object_id = p.object_id
and m.type = p.entity || '.changed';
