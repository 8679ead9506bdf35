-- Of an order at Clarity: which installation fulfils which line, by the line's id.  One has each, until it lets go.
alter table progress add column fulfilled_by jsonb not null default '{}';

-- What one installation alone carries is its own.  An order that two carry in full becomes that of the first to claim it.
insert into progress (installation, entity, object_id, order_id, body, fulfilled_by)
select source.id, 'order', p.object_id, p.object_id, '{}', jsonb_object_agg(line ->> 'id', p.installation)
from progress p cross join jsonb_array_elements(p.body -> 'lines') as line
cross join lateral (
    select m.source as id from messages m join deliveries d on d.message = m.id
    where m.object_id = p.object_id and d.entity = 'order' limit 1) as source
where p.entity = 'order' and not exists (
    select from progress other cross join jsonb_array_elements(other.body -> 'lines') as theirs
    where other.entity = 'order' and other.object_id = p.object_id and other.installation <> p.installation
    and theirs ->> 'id' = line ->> 'id')
group by source.id, p.object_id
on conflict (installation, entity, object_id) do update set fulfilled_by = excluded.fulfilled_by;

-- Of what is held or dead: how many newer events of its object have failed in the same way and count here.
alter table deliveries add column newer integer not null default 0;

-- A target at which objects die in a row of one cause is paused until a person resumes it, who is given a fresh count.
alter table installations drop constraint installations_paused_by_check;
alter table installations add constraint installations_paused_by_check check (paused_by in ('fleet', 'operator', 'deaths'));
alter table installations add column resumed_at timestamptz;
