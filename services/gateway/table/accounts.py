"""Projects, people, keys, sessions, and who did what."""

from http import HTTPStatus

from heddle.contract.accounts import (
    ACCEPT_INVITATION,
    CHANGE_PASSWORD,
    CHANGE_ROLE,
    CREATE_API_KEY,
    END_SESSION,
    INVITE,
    LIST_API_KEYS,
    LIST_INVITATIONS,
    LIST_SESSIONS,
    REMOVE_USER,
    REVOKE_API_KEY,
    WITHDRAW_INVITATION,
)
from heddle.contract.audit import READ_AUDIT, VERIFY_AUDIT
from heddle.contract.people import (
    CREATE_PROJECT,
    CREATE_USER,
    LIST_PROJECTS,
    LIST_USERS,
    OPEN_SESSION,
    RENEW_SESSION,
)
from services.gateway.login import Login, open_session
from services.gateway.route import Entry, Pages, Route

_PROJECTS, _PEOPLE, _KEYS, _SESSIONS, _AUDIT = (
    "Projects",
    "People",
    "API keys",
    "Sessions",
    "Audit",
)

ACCOUNTS: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/login",
        procedure=OPEN_SESSION,
        tag=_SESSIONS,
        summary="Sign in by password; the ticket is the bearer of what follows.",
        note="The project may be left out by who is in one only.",
        body=Login,
        ask=open_session,
        entry=Entry.LOGIN,
        is_secret=True,
        example={"user": "admin", "password": "correct horse battery"},
    ),
    Route(
        method="POST",
        path="/session/renew",
        procedure=RENEW_SESSION,
        tag=_SESSIONS,
        is_secret=True,
    ),
    Route(
        method="GET",
        path="/sessions",
        procedure=LIST_SESSIONS,
        tag=_SESSIONS,
    ),
    Route(
        method="DELETE",
        path="/sessions/{session}",
        procedure=END_SESSION,
        tag=_SESSIONS,
    ),
    Route(
        method="POST",
        path="/me/password",
        procedure=CHANGE_PASSWORD,
        tag=_PEOPLE,
        example={"old": "correct horse battery", "new": "a better one, and longer"},
    ),
    Route(method="GET", path="/users", procedure=LIST_USERS, tag=_PEOPLE),
    Route(
        method="POST",
        path="/users",
        procedure=CREATE_USER,
        tag=_PEOPLE,
        success=HTTPStatus.CREATED,
        example={"user": "vera", "role": "viewer", "password": "a good password"},
    ),
    Route(
        method="PATCH",
        path="/users/{user}",
        procedure=CHANGE_ROLE,
        tag=_PEOPLE,
        example={"role": "operator"},
    ),
    Route(method="DELETE", path="/users/{user}", procedure=REMOVE_USER, tag=_PEOPLE),
    Route(method="GET", path="/invitations", procedure=LIST_INVITATIONS, tag=_PEOPLE),
    Route(
        method="POST",
        path="/invitations",
        procedure=INVITE,
        tag=_PEOPLE,
        is_secret=True,
        success=HTTPStatus.CREATED,
        example={"role": "viewer"},
    ),
    Route(
        method="DELETE",
        path="/invitations/{invitation}",
        procedure=WITHDRAW_INVITATION,
        tag=_PEOPLE,
    ),
    Route(
        method="POST",
        path="/invitations/accept",
        procedure=ACCEPT_INVITATION,
        tag=_PEOPLE,
        entry=Entry.SYSTEM,
    ),
    Route(method="GET", path="/keys", procedure=LIST_API_KEYS, tag=_KEYS),
    Route(
        method="POST",
        path="/keys",
        procedure=CREATE_API_KEY,
        tag=_KEYS,
        is_secret=True,
        success=HTTPStatus.CREATED,
        example={"name": "ci", "role": "operator"},
    ),
    Route(method="DELETE", path="/keys/{key}", procedure=REVOKE_API_KEY, tag=_KEYS),
    Route(
        method="GET",
        path="/audit",
        procedure=READ_AUDIT,
        tag=_AUDIT,
        names={"before": "after", "most": "limit"},
        pages=Pages("entries", "number"),
    ),
    Route(method="GET", path="/audit/verify", procedure=VERIFY_AUDIT, tag=_AUDIT),
    Route(
        method="GET",
        path="/projects",
        procedure=LIST_PROJECTS,
        tag=_PROJECTS,
        entry=Entry.SYSTEM,
    ),
    Route(
        method="POST",
        path="/projects",
        procedure=CREATE_PROJECT,
        tag=_PROJECTS,
        entry=Entry.SYSTEM,
        success=HTTPStatus.CREATED,
        example={"project": "brewery", "name": "The brewery"},
    ),
)
