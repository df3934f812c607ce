-- PostgreSQL lets every login into every database: projects' logins do not belong here.
-- depends: 0001.foundation

do $$ begin
    execute format('revoke connect on database %I from public', current_database());
end $$;
