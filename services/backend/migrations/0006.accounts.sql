-- Sessions, invitations, keys for programs; and the order of what the gatekeeper is told.
-- depends: 0004.audit

create table gate_change (
    single boolean primary key default true check (single),
    number bigint not null               -- of the last change; grows in commits' order
);
insert into gate_change (number) values (1);

create table session (
    session    text primary key,         -- the tickets' claim sid
    project    text not null references project,
    user_name  text not null,            -- a person, or key_<id>
    role       text not null check (role in ('owner', 'operator', 'viewer')),
    client     text not null,            -- what it said it is
    opened_at  timestamptz not null default now(),
    renewed_at timestamptz not null default now(),
    expires_at timestamptz not null,     -- of its last ticket
    ended_at   timestamptz               -- before its time
);
create index on session (project, user_name);
create index on session (user_name);
create index on session (expires_at);

create table invitation (
    invitation   text primary key,
    code_hash    bytea not null unique,  -- sha256 of the normalised code
    project      text not null references project,
    role         text not null check (role in ('owner', 'operator', 'viewer')),
    user_name    text,                   -- for nobody else, if given
    created_by   text not null,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null,
    accepted_at  timestamptz,
    accepted_by  text,
    withdrawn_at timestamptz,
    check ((accepted_at is null) = (accepted_by is null))
);
create index on invitation (project, created_at);

create table api_key (
    key          text primary key check (key ~ '^[a-z0-9]{1,60}$'),
    project      text not null references project,
    name         text not null,
    role         text not null check (role in ('owner', 'operator', 'viewer')),
    secret_hash  bytea not null,         -- sha256 of 256 random bits
    created_by   text not null,
    created_at   timestamptz not null default now(),
    last_used_at timestamptz,
    expires_at   timestamptz,
    revoked_at   timestamptz
);
create index on api_key (project, name);

alter table audit drop constraint audit_project_fkey; -- '' is what belongs to no project
