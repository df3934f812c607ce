"""Somebody who writes script into every name, label and text that the system takes.

``python -m tests.support.hostile SETTING`` (JSON: the stack's folder, port and project)
puts such texts into flows, dashboards, labels, alarms, deployments and so on, as the
owner of a project, and is then a device that lies: whatever it is asked, each text of
its answer is hostile. It tells what was stored, and what was refused with which words.
Every text ends in its field's name, so that a page that shows it is known to.
"""

import dataclasses
import enum
import json
import struct
import sys
import time
import types
import typing
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey
from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from heddle.contract import PROCEDURES
from heddle.contract.accounts import (
    CREATE_API_KEY,
    INVITE,
    REMOVE_USER,
    CreateApiKey,
    Invite,
    RemoveUser,
)
from heddle.contract.alarm_procedures import (
    COMMENT_ALARMS,
    SET_ALARM_RULES,
)
from heddle.contract.alarms import AlarmCommand, AlarmKind, AlarmRule, SetAlarmRules
from heddle.contract.dashboards import (
    SAVE_DASHBOARD,
    DashboardPanel,
    PanelKind,
    PanelSeries,
    SaveDashboard,
)
from heddle.contract.declare import SYSTEM_REALM, FleetError, Procedure, Role
from heddle.contract.deployments import (
    CANCEL_DEPLOYMENT,
    CREATE_DEPLOYMENT,
    CreateDeployment,
    DeploymentRef,
)
from heddle.contract.devices import (
    ANNOUNCE,
    PRESENCE,
    Announce,
    DeviceKind,
    HostFacts,
    Presence,
    Runtime,
    Tag,
)
from heddle.contract.fleet import LABEL_DEVICE, LabelDevice, Targets
from heddle.contract.lifecycle import PUBLISH_FLOW, SAVE_FLOW, PublishFlow, SaveFlow
from heddle.contract.people import (
    CREATE_PROJECT,
    CREATE_USER,
    CreateProject,
    CreateUser,
)
from heddle.contract.runs import RunEvents, WorkflowEvent
from heddle.contract.samples import (
    INGEST,
    TELEMETRY,
    Ingest,
    SampleColumns,
    SampleTag,
    Stream,
    Telemetry,
)
from heddle.wamp.joining import Joined, KeyCredentials
from heddle.wamp.keys import load_key
from heddle.wamp.session import Session
from tests.support.enrolling import enrolled

REALM = "project_default"
DEVICE, FLOW, DASHBOARD, ALARM = ("xss_device", "xss_flow", "xss_board", "xss_alarm")
ELEMENTS, RUN, PROJECT = "xss_elements", "xss_run", "xss_project"
LOOKER, PASSWORD = "xss_looker", "looks at everything"
MARK = "xssmark"  # stands in every hostile text
TAG = "xss_tag"
EXAMPLE = Path(__file__).parents[2] / "examples/flows/bioreactor.json"
VERY_LONG = 20_000


def texts(field: str) -> list[str]:
    """Hostile texts for a field, the worst first; shorter and tamer ones follow."""
    image = f"<img src=x onerror=__hurt('{field}')>"
    script = f"<script>__hurt('{field}')</script>"
    return [
        f"\"'>{image}{script}<svg/onload=__hurt(1)>{{{{7*7}}}}\u202e{MARK}-{field}",
        f"\"'>{image}{script}{{{{7*7}}}}{MARK}-{field}",
        f"'>{image}{{{{7*7}}}}{MARK}-{field}",
        f"javascript:__hurt('{field}')//{MARK}-{field}",
        f"<img src=x onerror=__hurt()>{MARK}-{field}",
        f"<b>{MARK}-{field}",
    ]


def worst(field: str) -> str:
    """The worst of them."""
    return texts(field)[0]


class Told:
    """What was stored and what was refused."""

    def __init__(self) -> None:
        self.stored: dict[str, str] = {}
        self.refused: dict[str, str] = {}

    async def store(self, field: str, put: Callable[[str], Awaitable[object]]) -> None:
        """Put the worst text that is taken into a field."""
        for text in texts(field):
            try:
                await put(text)
            except FleetError as why:
                self.refused[field] = str(why)
            else:
                self.stored[field] = text
                return


Store = Callable[[str, Callable[[str], Awaitable[object]]], Awaitable[None]]


async def _flows(session: Session, store: Store) -> None:
    definition = json.loads(EXAMPLE.read_text())
    kept: dict[str, Any] = {"flow": FLOW, "definition": definition, "name": "xss"}

    async def save(**changed: Any) -> None:
        kept.update(changed)
        await session.call(SAVE_FLOW, SaveFlow(**kept, revise=True))

    await store("flow_name", lambda text: save(name=text))
    await store("flow_label", lambda text: save(labels=(text,)))
    long = "x" * VERY_LONG
    await store("flow_description", lambda text: save(description=text + long))
    await store("flow_description", lambda text: save(description=text))

    def described(text: str) -> dict[str, Any]:
        one = {"name": "warmth", "type": "number", "value": "3", "description": text}
        return {**definition, "variables": [one]}

    await store("flow_variable", lambda text: save(definition=described(text)))
    await store(
        "release_note",
        lambda text: session.call(PUBLISH_FLOW, PublishFlow(flow=FLOW, note=text)),
    )

    def renamed(text: str) -> Any:
        plain = json.dumps(definition)
        for element in ("phase_1", "eventListener_3", "gateway_1"):
            plain = plain.replace(f'"{element}"', json.dumps(f"{text}-{element}"))
        return json.loads(plain)

    kept.update(flow=ELEMENTS, name="xss elements", labels=(), description="")
    await store("flow_element", lambda text: save(definition=renamed(text)))


async def _deployments(session: Session, store: Store) -> str:
    """The id of the one that was made."""
    made = ""

    async def note(text: str) -> None:
        nonlocal made
        request = CreateDeployment(
            flow=FLOW, targets=Targets(devices=(DEVICE,)), note=text
        )
        made = (await session.call(CREATE_DEPLOYMENT, request)).deployment

    async def reason(text: str) -> None:
        order = DeploymentRef(deployment=made, reason=text)
        await session.call(CANCEL_DEPLOYMENT, order)

    await store("deployment_note", note)
    await store("deployment_reason", reason)
    return made


async def _names(session: Session, store: Store) -> None:
    await store(
        "dashboard_title",
        lambda text: session.call(SAVE_DASHBOARD, _dashboard(text, "plain", "plain")),
    )
    title = texts("dashboard_title")[1]
    await store(
        "dashboard_description",
        lambda text: session.call(SAVE_DASHBOARD, _dashboard(title, text, "plain")),
    )
    about = texts("dashboard_description")[1]
    await store(
        "panel_title",
        lambda text: session.call(SAVE_DASHBOARD, _dashboard(title, about, text)),
    )
    await store(
        "api_key",
        lambda text: session.call(
            CREATE_API_KEY, CreateApiKey(name=text, role=Role.VIEWER)
        ),
    )
    await store(
        "device_label",
        lambda text: session.call(
            LABEL_DEVICE, LabelDevice(device=DEVICE, set={"site": text})
        ),
    )
    await store("invited", lambda text: session.call(INVITE, _invite(text)))


def _invite(text: str) -> Invite:
    return Invite(role=Role.VIEWER, user=text)


def _dashboard(title: str, description: str, panel: str) -> SaveDashboard:
    series = tuple(PanelSeries(tag=tag, device=DEVICE) for tag in (TAG, worst("tag")))
    kinds = (PanelKind.VALUE, PanelKind.CHART, PanelKind.ALARMS, PanelKind.RUNS)
    panels = tuple(
        DashboardPanel(
            panel=f"p{place}",
            kind=kind,
            x=0,
            y=4 * place,
            w=12,
            h=4,
            title=panel,
            series=series[:1] if kind in kinds[:2] else (),
        )
        for place, kind in enumerate(kinds)
    )
    return SaveDashboard(
        dashboard=DASHBOARD, title=title, description=description, panels=panels
    )


async def _alarms(session: Session, store: Store) -> None:
    async def rule(text: str, group: str = "") -> None:
        one = AlarmRule(
            device=DEVICE,
            alarm=ALARM,
            tag=TAG,
            kind=AlarmKind.HI,
            limit=-1.0,
            text=text,
            group=group,
        )
        await session.call(SET_ALARM_RULES, SetAlarmRules(rules=(one,), comment=text))

    await store("alarm_text", rule)

    async def comment(text: str) -> None:
        order = AlarmCommand(device=DEVICE, alarms=(ALARM,), comment=text)
        await session.call(COMMENT_ALARMS, order)

    await store("alarm_comment", comment)


# --- the device ---


def lie(kind: Any, field: str) -> Any:
    """A value of a type in which every text is hostile."""
    origin, of = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return lie(next(one for one in of if one is not types.NoneType), field)
    if origin is tuple:
        return (lie(of[0], field),)
    if origin is dict:
        return {worst(f"{field}_key"): worst(f"{field}_value")}
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(  # type: ignore[operator]
            **{
                one.name: lie(hints[one.name], one.name)
                for one in dataclasses.fields(kind)
            }
        )
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return next(iter(kind))
    simple = {bool: True, int: int(time.time() * 1000), float: 1.5, bytes: b""}
    return simple.get(kind, worst(f"device_{field}"))


async def be_device(reactor: Any, url: str, key: SigningKey) -> Session:
    """Join and answer everything with lies; True to nothing but its types."""
    session = await Joined(reactor, url, None, KeyCredentials(key)).__aenter__()
    facts = HostFacts(**{**lie_fields(HostFacts), "cpus": 2, "memory_bytes": 1 << 30})
    tags = (
        Tag(tag=TAG, unit=worst("unit"), node=worst("node")),
        Tag(tag=worst("tag"), unit=worst("unit")),
    )
    for announced in (tags, tags[:1], (Tag(tag=TAG),)):
        try:
            await session.call(
                ANNOUNCE,
                Announce(
                    kind=DeviceKind.EDGE,
                    version=worst("version"),
                    runtime=Runtime.PROCESS,
                    facts=facts,
                    tags=announced,
                ),
            )
        except FleetError:
            continue
        break
    for procedure in PROCEDURES:
        if procedure.served_by is Role.AGENT:
            await session.serve(procedure, _liar(procedure), device=DEVICE)
    session.publish(PRESENCE, Presence(online=True), device=DEVICE)

    def publish() -> None:
        event = Telemetry(
            at_ms=int(time.time() * 1000),
            tags=(TAG, worst("tag")),
            values=(1.0, worst("value")),
            quality=(0, 0),
        )
        session.publish(TELEMETRY, event, device=DEVICE)

    LoopingCall(publish).start(1.0)
    return session


async def device_deeds(session: Session, store: Store) -> None:
    """What a device hands in to be kept: a sample that alarms, a run's events."""
    now_us = int(time.time() * 1e6)
    columns = SampleColumns(
        tags=(SampleTag(tag=TAG, unit="1"),),
        tag=struct.pack("<H", 0),
        at=struct.pack("<q", now_us),
        value=struct.pack("<d", 5.0),
        quality=b"\0",
    )
    samples = Ingest(
        stream=Stream.SAMPLES, epoch="xss", first=0, samples=columns, clock_us=now_us
    )
    await session.call(INGEST, samples)
    await store("run_comment", lambda text: session.call(INGEST, _events(text)))


def _events(text: str) -> Ingest:
    told = (
        ("WORKFLOW_STARTED", {}),
        ("PHASE_STARTED", {"phaseId": text}),
        (
            "EVENT_RECEIVED",
            {"eventListenerId": text, "forced": False, "by": text, "comment": text},
        ),
        (text, {text: text}),
    )
    now_ms = int(time.time() * 1000)
    events = tuple(
        WorkflowEvent(id=f"e{n}", type=kind, createdAt=now_ms + n, number=n, data=data)
        for n, (kind, data) in enumerate(told)
    )
    of_run = RunEvents(run=RUN, flow=FLOW, version=1, events=events)
    return Ingest(stream=Stream.RUN_EVENTS, epoch="xss", first=0, events=(of_run,))


def lie_fields(kind: Any) -> dict[str, Any]:
    """The fields of a lie."""
    told = lie(kind, "")
    return {name: getattr(told, name) for name in _names_of(kind)}


def _names_of(kind: Any) -> list[str]:
    return [one.name for one in dataclasses.fields(kind)]


def _liar(procedure: Procedure[Any, Any]) -> Any:
    async def answer(_request: Any, _caller: Any) -> Any:
        return lie(procedure.reply, "")

    return answer


async def _project(reactor: Any, url: str, owner: KeyCredentials, store: Store) -> None:
    """A project with such a name, in which nobody is but the one who will look."""
    async with Joined(reactor, url, REALM, owner) as session:
        new = CreateUser(user=LOOKER, role=Role.OWNER, password=PASSWORD)
        await session.call(CREATE_USER, new)
    async with Joined(reactor, url, SYSTEM_REALM, owner) as session:
        await store(
            "project_name",
            lambda text: session.call(
                CREATE_PROJECT, CreateProject(project=PROJECT, name=text), timeout_s=90
            ),
        )
    async with Joined(reactor, url, f"project_{PROJECT}", owner) as session:
        await session.call(CREATE_USER, CreateUser(user=LOOKER, role=Role.OWNER))
        await session.call(REMOVE_USER, RemoveUser(user=session.authid))


async def hostile(reactor: Any) -> None:
    """Store, then be the device; for ever."""
    setting = json.loads(sys.argv[1])
    url = f"ws://127.0.0.1:{setting['port']}/ws"
    owner = KeyCredentials(load_key(Path(setting["data"]) / "keys/admin.key"))
    told = Told()
    async with Joined(reactor, url, REALM, owner) as session:
        key = await enrolled(reactor, url, session, DEVICE)
        device = await be_device(reactor, url, key)
        await _flows(session, told.store)
        told.stored["deployment"] = await _deployments(session, told.store)
        await _names(session, told.store)
        await _alarms(session, told.store)
        await device_deeds(device, told.store)
    await _project(reactor, url, owner, told.store)
    print(json.dumps({"stored": told.stored, "refused": told.refused}), flush=True)  # noqa: T201
    await Deferred()


if __name__ == "__main__":
    task.react(lambda reactor: Deferred.fromCoroutine(hostile(reactor)))
