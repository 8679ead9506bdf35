-- Which definitions events are routed by: those that compiled when a process last read mappings/.
alter table definitions add column in_force_since timestamptz;
