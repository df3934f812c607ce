-- Typed series, text samples, the order of epochs, losses and alarm transitions.
-- Every statement may be repeated. Series known so far are of type float.

alter table tag add column if not exists type text not null default 'float'
    check (type in ('float', 'integer', 'boolean', 'text', 'json'));

create unique index if not exists tag_by_series on tag (device, tag, unit, type);

alter table tag drop constraint if exists tag_device_tag_unit_key;

alter table current_value add column if not exists text text;

-- Numbers the epochs in the order in which they began.
do $$
begin
    if not exists (
        select from pg_attribute
         where attrelid = 'stream'::regclass and attname = 'id' and not attisdropped
    ) then
        alter table stream add column id bigint;
        update stream s set id = o.id
          from (select device, stream, epoch,
                       row_number() over (order by changed_at, epoch) as id
                  from stream) as o
         where (o.device, o.stream, o.epoch) = (s.device, s.stream, s.epoch);
        alter table stream alter column id set not null;
        alter table stream alter column id add generated always as identity;
        perform setval(
            pg_get_serial_sequence('stream', 'id'),
            (select coalesce(max(id), 0) + 1 from stream), false
        );
    end if;
end
$$;

-- Text, and JSON as its text: `sample`'s twin.
do $$
begin
    if exists (select from pg_extension where extname = 'timescaledb') then
        create table if not exists sample_text (
            tag_id int not null,
            at timestamptz not null,
            value text,
            quality smallint not null
        );
        perform create_hypertable(
            'sample_text', by_range('at', interval '1 day'),
            create_default_indexes => false, if_not_exists => true
        );
    else
        create table if not exists sample_text (
            tag_id int not null,
            at timestamptz not null,
            value text,
            quality smallint not null
        ) partition by range (at);
    end if;
end
$$;

create index if not exists sample_text_by_tag on sample_text (tag_id, at);

-- What a device dropped: `count` items of an epoch from `first` on. It ends the epoch.
create table if not exists loss (
    id bigint generated always as identity primary key,
    device text not null,
    stream text not null,
    epoch text not null,
    first bigint not null,
    count bigint not null,
    reason text not null,
    at timestamptz not null,
    from_at timestamptz,
    to_at timestamptz
);

create index if not exists loss_by_epoch on loss (device, stream, epoch);

-- `epoch` and `number` are those of the device's stream; null where fleetdata decided.
create table if not exists alarm_transition (
    id bigint generated always as identity primary key,
    device text not null,
    epoch text,
    number bigint,
    alarm text not null,
    tag text not null,
    at timestamptz not null,
    cause text not null,
    before text not null,
    after text not null,
    severity smallint not null,
    value float8,
    who text,
    comment text,
    place text not null default 'device'
);

create index if not exists alarm_transition_by_time on alarm_transition (device, at);

create index if not exists alarm_transition_by_alarm
    on alarm_transition (device, alarm, at);
