"""Projects: made by administrators at run time, each with a realm of its own."""

from collections.abc import Awaitable, Callable

from twisted.logger import Logger

from heddle.contract.accounts import API_KEY_PREFIX
from heddle.contract.declare import NotPermitted, Role, check_id
from heddle.contract.people import (
    CreateProject,
    ListProjects,
    Project,
    ProjectExists,
    ProjectList,
)
from heddle.wamp.session import Caller
from services.backend.accounts.sessions import is_key
from services.backend.audit import by, record
from services.backend.store import api_keys, gate, people, projects
from services.backend.store.database import Connection, Database
from services.backend.text import check_name

log = Logger()


class Projects:
    """Serves the project procedures. ``opened`` is told of a project just made,
    and of the number of that change.
    """

    def __init__(
        self, database: Database, opened: Callable[[Project, int], Awaitable[None]]
    ) -> None:
        self._database = database
        self._opened = opened

    async def create(self, request: CreateProject, caller: Caller) -> Project:
        """Serve CREATE_PROJECT; replies when the project's realm is served."""
        project = Project(
            project=check_id("project", request.project),
            name=check_name("name", request.name),
        )
        change = await self._database(found, project.project, project.name, caller)
        log.info("{by} made {project}", by=caller.authid, project=project.project)
        await self._opened(project, change)
        return project

    async def every(self, _request: ListProjects, caller: Caller) -> ProjectList:
        """Serve LIST_PROJECTS: a person's own, all for a service."""
        if caller.role is Role.PERSON:
            rows = await self._database(those_of, caller.authid)
        else:
            rows = await self._database(projects.every)
        return ProjectList(
            projects=tuple(Project(project=row.project, name=row.name) for row in rows)
        )


def those_of(connection: Connection, user: str) -> list[projects.ProjectRow]:
    """The projects that a person, or a key, is in."""
    if not is_key(user):
        return projects.of_user(connection, user)
    key = api_keys.one(connection, user.removeprefix(API_KEY_PREFIX))
    every = projects.every(connection) if key is not None else []
    return [row for row in every if key is not None and row.project == key.project]


def found(connection: Connection, project: str, name: str, caller: Caller) -> int:
    """Make a project with its maker as owner; the number of the change."""
    user = caller.authid
    if not people.is_administrator(connection, user):
        raise NotPermitted(f"{user} is no administrator: only they make projects")
    if not projects.insert(connection, project, name):
        raise ProjectExists(f"there is a project {project} already")
    people.join(connection, project, user, Role.OWNER.value)
    record(connection, project, by(caller, "project.create", project, name=name))
    return gate.changed(connection)
