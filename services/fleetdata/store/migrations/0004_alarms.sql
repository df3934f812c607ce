-- Rules of alarms, how they stand, and what of a device's alarms belongs together.
-- Every statement may be repeated.

alter table alarm_transition alter column place set default 'edge';

update alarm_transition set place = 'edge' where place = 'device';

alter table alarm_transition add column if not exists own_number bigint;

alter table alarm_transition add column if not exists until timestamptz;

alter table alarm_transition
    add column if not exists first boolean not null default false;

create table if not exists alarm_rule (
    device text not null,
    alarm text not null,
    place text not null check (place in ('centre', 'edge')),
    rule jsonb not null,
    primary key (device, alarm)
);

-- How an alarm stands. `memory` is what the machine remembers of it, of those judged here.
create table if not exists alarm_state (
    device text not null,
    alarm text not null,
    place text not null check (place in ('centre', 'edge')),
    tag text not null,
    state text not null,
    severity smallint not null,
    at timestamptz not null,
    raised_at timestamptz,
    value float8,
    first boolean not null default false,
    who text,
    comment text,
    until timestamptz,
    memory jsonb,
    primary key (device, alarm)
);

create index if not exists alarm_state_standing on alarm_state (device)
    where state <> 'normal';

-- One row for each device with alarms judged here, locked by whoever judges. `token`
-- changes with every change: who remembers the same one remembers what is committed.
create table if not exists alarm_bank (
    device text primary key,
    token uuid not null,
    next_by_clock timestamptz,
    first jsonb not null
);

create index if not exists alarm_bank_by_clock on alarm_bank (next_by_clock);

create index if not exists alarm_transition_by_at on alarm_transition (at, id);
