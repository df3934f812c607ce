-- Flows' life: what is told about them, their revisions, their releases; release keys.
-- depends: 0004.audit

alter table flow
    add column description text not null default '',
    add column labels      text[] not null default '{}',
    add column searched    text not null default '', -- all that can be found, case-folded
    add column revision    integer not null default 0, -- counts every change
    add column archived_at timestamptz,
    add column created_at  timestamptz not null default now(),
    add column created_by  text not null default '';

update flow
   set revision = known.versions,
       created_at = known.created_at,
       created_by = known.created_by,
       searched = lower(flow.flow || E'\n' || flow.name || E'\n')
  from (select project, flow, count(*) as versions, min(saved_at) as created_at,
               (array_agg(saved_by order by version))[1] as created_by
          from flow_version
         group by project, flow) as known
 where (flow.project, flow.flow) = (known.project, known.flow);

create function is_frozen() returns trigger language plpgsql as $$
begin
    raise exception 'what was saved or published is never changed';
end $$;
create trigger flow_version_is_frozen before update on flow_version
    for each row execute function is_frozen();

create table flow_deleted (                       -- so that no number is used twice
    project text not null references project,
    flow    text not null,
    version integer not null,                     -- the last it had
    primary key (project, flow)
);

create table release (
    project          text not null,
    flow             text not null,
    version          integer not null,
    document         bytea not null,              -- canonical JSON, as it was signed
    content_hash     text not null check (content_hash ~ '^[0-9a-f]{64}$'),
    signature        text not null check (signature ~ '^[0-9a-f]{128}$'),
    key              text not null check (key ~ '^[0-9a-f]{64}$'),
    engine_image     text not null,
    engine_memory_mb integer,
    note             text not null,
    warnings         json not null,
    published_by     text not null,
    published_at_ms  bigint not null,
    primary key (project, flow, version),
    foreign key (project, flow, version) references flow_version
);
create trigger release_is_frozen before update on release
    for each row execute function is_frozen();

create table release_key (
    project    text primary key references project,
    public_key text not null check (public_key ~ '^[0-9a-f]{64}$'),
    sealed     bytea not null,                    -- under the backend's own key
    made_at    timestamptz not null default now()
);
