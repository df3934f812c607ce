-- The audit trail: append-only, each entry holding the hash of the one before.
-- depends: 0003.local-changes

create table audit (
    project    text not null references project,
    number     bigint not null check (number > 0),
    at_ms      bigint not null,
    actor      text not null,
    role       text not null,
    action     text not null,
    subject    text not null,
    outcome    text not null check (outcome in ('done', 'refused')),
    details    json not null,                     -- json: hashed as it was written
    request_id text not null,
    previous   text not null,
    hash       text not null,
    primary key (project, number)
);
create index on audit (project, actor, number);
create index on audit (project, action, number);

create function audit_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the audit trail is append-only';
end $$;
create trigger audit_append_only before update or delete or truncate on audit
    for each statement execute function audit_is_append_only();
