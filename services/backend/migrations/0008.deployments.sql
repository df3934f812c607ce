-- Deployments: each is its machine's state, a summary of it, and what happened.
-- depends: 0004.audit

create table deployment (
    project       text not null references project,
    deployment    text not null check (deployment ~ '^[a-z0-9_]{1,64}$'),
    serial        bigint generated always as identity,
    key           text,                           -- the caller's own, against repeats
    fingerprint   text not null,                  -- sha256 of the request
    flow          text not null,
    version       integer not null,
    content_hash  text not null,
    plan          bytea not null,                 -- what was asked, as it was checked
    variables     bytea not null,                 -- each device's values
    state         bytea not null,                 -- the machine's, JSON
    revision      integer not null default 1,     -- counts every change of the state
    driver        text not null default '',       -- the token of who drives it
    awake         boolean not null,               -- there is something to drive
    status        text not null,
    detail        text not null,
    counts        json not null,                  -- targets by status
    total         integer not null,
    wave          integer not null,
    waves         integer not null,
    created_at_ms bigint not null,
    created_by    text not null,
    approved_by   text,
    started_at_ms bigint,
    ended_at_ms   bigint,
    next_at_ms    bigint,
    happened      integer not null default 0,     -- entries of its history
    primary key (project, deployment)
);
alter table deployment alter column state set storage external;
create unique index on deployment (project, created_by, key) where key is not null;
create index on deployment (project, serial desc);
create index on deployment (project, flow) where ended_at_ms is null or awake;
create index on deployment (project) where awake;

create table deployment_driver (                  -- who locks the row drives it
    project    text not null,
    deployment text not null,
    primary key (project, deployment)
);

create table deployment_history (
    project    text not null,
    deployment text not null,
    number     integer not null check (number >= 0),
    at_ms      bigint not null,
    device     text,
    what       text not null,
    detail     text not null,
    by_whom    text not null,
    primary key (project, deployment, number)
);
create index on deployment_history (project, deployment, device);
