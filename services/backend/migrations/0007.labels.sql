-- Labels of devices, and the commands to many of them that may be repeated.
-- depends: 0004.audit

alter table device add column labels jsonb not null default '{}';

create table fleet_command (
    project     text not null references project,
    actor       text not null,
    key         text not null,                    -- the caller's own
    fingerprint text not null,                    -- sha256 of the request
    attempt     integer not null default 1,       -- whoever counted last may answer
    begun_at    timestamptz not null default now(),
    due_at      timestamptz not null,             -- who has not answered then is gone
    answer      json,
    primary key (project, actor, key)
);
create index on fleet_command (begun_at);
