-- What was changed on devices, and what was decided: each change once, by its id.
-- depends: 0002.own-database

create table local_change (
    project    text not null references project,
    device     text not null,
    change     text not null check (change ~ '^[a-z0-9_]{1,64}$'),
    flow       text not null check (flow ~ '^[a-z0-9_]{1,64}$'),
    kind       text not null check (kind in ('saved', 'removed')),
    base       integer not null check (base >= 0),
    definition json,                              -- as the device had it
    outcome    text not null check (outcome in ('taken', 'conflict')),
    version    integer not null,                  -- the flow's newest when decided
    changed_at timestamptz not null,              -- by the device's clock
    decided_at timestamptz not null default now(),
    primary key (project, device, change),
    check ((kind = 'saved') = (definition is not null))
);
create index on local_change (project, decided_at);
