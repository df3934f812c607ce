-- Whom alarms are told to outside, and what waits to be told.
-- Every statement may be repeated.

create table if not exists notice_target (
    target text primary key,
    wanted jsonb not null,
    secret text,
    min_severity smallint not null,
    device text,
    cleared boolean not null
);

create table if not exists notice (
    id bigint generated always as identity primary key,
    target text not null references notice_target on delete cascade,
    transition_id bigint not null,
    made_at timestamptz not null default now(),
    next_at timestamptz not null default now(),
    tries int not null default 0,
    given_up_at timestamptz,
    error text
);

create index if not exists notice_next on notice (next_at) where given_up_at is null;
