-- What operators decide about a target goes before its settings, and holds until they decide otherwise.
alter table installations
    add column rate        double precision check (rate > 0),   -- calls per second; null: as in the settings
    add column concurrency integer check (concurrency > 0),     -- hops at a time; null: as in the settings
    add column breaker     boolean not null default true,       -- whether it is watched
    add column paused_user text;                                -- who paused it, where an operator did
