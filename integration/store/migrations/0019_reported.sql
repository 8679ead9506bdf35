-- What an alert was last reported with, under the word that is used everywhere.
alter table alerts rename column told_at to reported_at;
alter table alerts rename column told_level to reported_level;
alter table alerts rename column told_count to reported_count;
alter table alerts rename column told_end to reported_end;
