-- Who may use the console, and who is signed in there.

create table users (
    id          integer generated always as identity primary key,
    name        text not null unique,
    role        text not null check (role in ('viewer', 'operator', 'admin')),
    password    text,                                   -- argon2's encoding; null: signs in by a link only
    made_at     timestamptz not null default now(),
    made_by     text not null
);

create table sessions (
    hash        bytea primary key,                      -- of the random key that the browser has
    user_id     integer not null references users on delete cascade,
    made_at     timestamptz not null default now(),
    ends_at     timestamptz not null
);
create index sessions_by_user on sessions (user_id);

-- A link signs a user in once.
create table sign_in_links (
    hash        bytea primary key,
    user_id     integer not null references users on delete cascade,
    ends_at     timestamptz not null
);
create index sign_in_links_by_user on sign_in_links (user_id);
