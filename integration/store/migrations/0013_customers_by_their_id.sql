-- Which customer or guest of ours a record of theirs is.  Several may be one, after their records were merged.
create index customers_by_their_id on crossrefs (installation, their_id) where entity in ('customer', 'guest');
