-- Projects, people, devices, enrolment codes, flows.

create table project (
    project    text primary key check (project ~ '^[a-z0-9_]{1,64}$'),
    name       text not null,
    created_at timestamptz not null default now()
);

create table app_user (
    user_name     text primary key check (user_name ~ '^[a-z0-9_]{1,64}$'),
    password_hash text not null,                  -- argon2id, PHC string
    administrator boolean not null default false, -- may make projects
    created_at    timestamptz not null default now()
);

create table membership (
    project   text not null references project,
    user_name text not null references app_user,
    role      text not null check (role in ('owner', 'operator', 'viewer')),
    primary key (project, user_name)
);
create index on membership (user_name);

create table device (
    project      text not null references project,
    device       text not null check (device ~ '^[a-z0-9_]{1,64}$'),
    kind         text not null check (kind in ('edge', 'virtual')),
    public_key   text not null unique check (public_key ~ '^[0-9a-f]{64}$'),
    enrolled_at  timestamptz not null default now(),
    announcement json,                            -- as the device told it, last time
    last_seen_at timestamptz,
    primary key (project, device)
);

create table enrolment_code (
    code_hash    bytea primary key,               -- sha256 of the normalised code
    project      text not null references project,
    device       text not null check (device ~ '^[a-z0-9_]{1,64}$'),
    kind         text not null check (kind in ('edge', 'virtual')),
    created_by   text not null,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null,
    redeemed_at  timestamptz,
    redeemed_key text,
    check ((redeemed_at is null) = (redeemed_key is null))
);
create index on enrolment_code (project, device);

create table flow (
    project text not null references project,
    flow    text not null check (flow ~ '^[a-z0-9_]{1,64}$'),
    name    text not null,
    primary key (project, flow)
);

create table flow_version (
    project    text not null,
    flow       text not null,
    version    integer not null check (version > 0),
    definition json not null,                     -- json, not jsonb: keeps key order
    saved_at   timestamptz not null default now(),
    saved_by   text not null,
    primary key (project, flow, version),
    foreign key (project, flow) references flow
);
