-- Streams, series, samples by day, current values, runs and their events.
-- Every statement may be repeated: a crash between a migration and its mark is mended
-- by running it again.

create table if not exists tag (
    id int generated always as identity primary key,
    device text not null,
    tag text not null,
    unit text not null,
    unique (device, tag, unit)
);

create table if not exists current_value (
    tag_id int primary key references tag,
    at timestamptz not null,
    value float8,
    quality smallint not null
) with (fillfactor = 70);

create table if not exists stream (
    device text not null,
    stream text not null,
    epoch text not null,
    next_number bigint not null default 0,
    expired bigint not null default 0,
    changed_at timestamptz not null default now(),
    primary key (device, stream, epoch)
) with (fillfactor = 70);

create table if not exists run (
    id int generated always as identity primary key,
    device text not null,
    run text not null,
    flow text not null,
    version int not null,
    unique (device, run)
);

create table if not exists run_event (
    run_id int not null references run,
    number bigint not null,
    id text not null,
    type text not null,
    at timestamptz not null,
    data jsonb not null,
    primary key (run_id, number)
);

do $$
begin
    if exists (select from pg_extension where extname = 'timescaledb') then
        create table if not exists sample (
            tag_id int not null,
            at timestamptz not null,
            value float8,
            quality smallint not null
        );
        perform create_hypertable(
            'sample', by_range('at', interval '1 day'),
            create_default_indexes => false, if_not_exists => true
        );
    else
        create table if not exists sample (
            tag_id int not null,
            at timestamptz not null,
            value float8,
            quality smallint not null
        ) partition by range (at);
    end if;
end
$$;

create index if not exists sample_by_tag on sample (tag_id, at);
