-- The name under which the settings have a system: its kind until now.  Queues go by it.
alter table installations add column system text;
update installations set system = kind;
alter table installations alter column system set not null;
