-- Roll-ups of numeric samples by minute and by hour, and what of them is out of date;
-- an index that holds the samples.
-- Every statement may be repeated.

create table if not exists rollup_minute (
    tag_id int not null,
    bucket timestamptz not null,
    count bigint not null,
    mean float8 not null,
    low float8 not null,
    high float8 not null,
    first float8 not null,
    last float8 not null,
    primary key (tag_id, bucket)
);

create table if not exists rollup_hour (like rollup_minute including all);

create index if not exists rollup_minute_by_time on rollup_minute using brin (bucket);

create index if not exists rollup_hour_by_time on rollup_hour using brin (bucket);

-- A mark: the cells of `grain` that overlap [since, until) do not hold all samples of
-- these tags. Written in the transaction that stores the samples.
create table if not exists dirty (
    id bigint generated always as identity primary key,
    grain text not null check (grain in ('minute', 'hour')),
    since timestamptz not null,
    until timestamptz not null,
    tag_ids int[] not null
);

create index if not exists dirty_since on dirty (since);

-- What is older has been dropped, of samples and of roll-ups by minute.
create table if not exists kept_from (
    what text primary key check (what in ('sample', 'rollup_minute')),
    at timestamptz not null
);

-- Samples of a tag are read from the index alone: in the table each may lie on a page of
-- its own. Where vacuum has been, that is.
create index if not exists sample_by_series
    on sample (tag_id, at) include (value, quality);

drop index if exists sample_by_tag;

-- Samples stored before there were roll-ups are marked by the hour.
insert into dirty (grain, since, until, tag_ids)
select 'minute', hour, hour + interval '1 hour', array_agg(tag_id)
  from (select distinct tag_id, date_bin('1 hour', at, 'epoch'::timestamptz) as hour
          from sample
         where not exists (select from dirty)
           and not exists (select from rollup_minute)) as stored
 group by hour;
