-- Dashboards: what people put together, shared in their project.
-- depends: 0008.deployments

create table dashboard (
    project     text not null references project,
    dashboard   text not null check (dashboard ~ '^[a-z0-9_]{1,64}$'),
    title       text not null,
    description text not null,
    span_ms     bigint not null,
    panels      json not null,                    -- as the contract writes them
    searched    text not null,                    -- id, title, description, case-folded
    revision    integer not null default 1,       -- counts every change
    created_at  timestamptz not null default now(),
    created_by  text not null,
    changed_at  timestamptz not null default now(),
    changed_by  text not null,
    primary key (project, dashboard)
);
