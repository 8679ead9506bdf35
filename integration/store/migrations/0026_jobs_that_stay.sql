-- When a job was started, resumed or last wrote the result of an item: one that runs and stays where it is raises an alert.
alter table jobs add column moved_at timestamptz not null default now();
