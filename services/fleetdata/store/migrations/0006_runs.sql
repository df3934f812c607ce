-- How each run stands by its events, kept by whoever stores them, so that no question
-- about runs reads the events. Every statement may be repeated.

alter table run add column if not exists status text not null default 'running';

-- The numbers of the events that told of the status, the beginning, the last phase and
-- the end of what is known: an event that comes late changes nothing a later one told.
alter table run add column if not exists status_number bigint not null default -1;

alter table run add column if not exists started_at timestamptz not null default 'infinity';

alter table run add column if not exists ended_at timestamptz;

alter table run add column if not exists events bigint not null default 0;

alter table run add column if not exists last_number bigint not null default -1;

alter table run add column if not exists last_event_at timestamptz not null default '-infinity';

alter table run add column if not exists phase text;

alter table run add column if not exists phase_number bigint not null default -1;

alter table run set (fillfactor = 70);

update run r
   set events = t.events, started_at = t.started_at,
       last_number = t.last_number, last_event_at = t.last_event_at
  from (select run_id, count(*) as events, min(at) as started_at,
               max(number) as last_number,
               (array_agg(at order by number desc))[1] as last_event_at
          from run_event group by run_id) as t
 where t.run_id = r.id;

update run r
   set status = t.status, status_number = t.number,
       ended_at = case when t.status in ('finished', 'terminated') then t.at end
  from (select distinct on (run_id) run_id, number, at,
               case type when 'WORKFLOW_PAUSED' then 'paused'
                         when 'WORKFLOW_RESUMED' then 'running'
                         when 'WORKFLOW_FINISHED' then 'finished'
                         else 'terminated' end as status
          from run_event
         where type in ('WORKFLOW_PAUSED', 'WORKFLOW_RESUMED',
                        'WORKFLOW_FINISHED', 'WORKFLOW_TERMINATED')
         order by run_id, number desc) as t
 where t.run_id = r.id;

update run r set phase = t.phase, phase_number = t.number
  from (select distinct on (run_id) run_id, number, data ->> 'phaseId' as phase
          from run_event where type = 'PHASE_STARTED'
         order by run_id, number desc) as t
 where t.run_id = r.id;

create index if not exists run_by_start on run (started_at, id);

create index if not exists run_by_device on run (device, started_at, id);

create index if not exists run_by_flow on run (flow, started_at, id);

create index if not exists run_by_end on run (ended_at);
