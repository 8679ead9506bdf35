-- Which of ours an id of theirs is, for every entity; not unique, as several customers of ours may be one record there.
drop index customers_by_their_id;
create index crossrefs_by_their_id on crossrefs (installation, entity, their_id);

-- Whose count of versions the version of a crossref belongs to: those of two sources are not compared.
alter table crossrefs add column source smallint references installations;
