"""Requests as procedures' requests: path, query, body, and what is refused."""

import pytest

from heddle.contract.declare import NotPermitted
from heddle.contract.deployments import StrategyKind
from heddle.contract.device_deployments import ActiveRuns
from heddle.contract.fleet import Targets
from heddle.contract.flows import FlowInvalid
from heddle.contract.lifecycle import FlowVersion
from services.gateway.flow_shapes import etag
from services.gateway.preconditions import revision_of
from services.gateway.problems import Malformed, TooLarge, Unportable, problem
from services.gateway.route import read
from services.gateway.said import next_page, refused
from services.gateway.strict import check_portable
from services.gateway.table import ROUTES

BY_NAME = {route.name: route for route in ROUTES}


def asked(name: str, body: bytes = b"", ids=None, query=None, **given):
    return read(BY_NAME[name], ids or {}, query or {}, body, given)


def test_a_path_gives_ids_of_the_uri_and_fields_of_the_request() -> None:
    found = asked(
        "post_devices_device_runs_run_stop",
        b'{"mode": "hard"}',
        {"device": "press_7", "run": "r1"},
    )

    assert found.ids == {"device": "press_7"}
    assert (found.request.run, found.request.mode) == ("r1", "hard")


def test_a_query_has_its_own_names_and_limits() -> None:
    found = asked("get_flows", query={"tag": ["hall 2"], "status": ["archived"]})
    assert (found.request.label, found.request.stage) == ("hall 2", "archived")
    assert found.request.most == 100

    for query in (
        {"limit": ["0"]},
        {"limit": ["1001"]},
        {"limit": ["many"]},
        {"limit": ["1", "2"]},
        {"lable": ["x"]},
        {"status": ["null"]},
    ):
        with pytest.raises(Malformed):
            asked("get_flows", query=query)


def test_a_repeated_parameter_is_a_list() -> None:
    found = asked(
        "get_devices_device_telemetry", ids={"device": "d"}, query={"tag": ["a", "b"]}
    )

    assert found.request.tags == ("a", "b")


def test_a_deployment_is_read_as_edgeflow_writes_it() -> None:
    found = asked(
        "post_deployments",
        b"""{"flow_id": "flow_abc123", "strategy": "blue-green",
             "target_devices": ["dev_001"], "start_at": "2026-02-21T12:00:00Z",
             "config": {"switch_delay": "5m", "auto_rollback": false}}""",
    ).request

    assert found.strategy is StrategyKind.BLUE_GREEN
    assert found.targets == Targets(devices=("dev_001",))
    assert (found.config.switch_delay, found.config.auto_rollback) == ("5m", False)
    assert found.start_at_ms == 1_771_675_200_000
    assert found.active_runs is ActiveRuns.FINISH


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("post_flows", b""),
        ("post_flows", b"{"),
        ("post_flows", b"[]"),
        ("post_flows", b"6 x"),
        ("post_flows", b" "),
        ("post_flows", b'{"definition": {}, "colour": 1}'),
        ("post_flows", b'{"definition": {}, "id": "Not An Id"}'),
        ("post_flows", b'{"definition": {"a": "\xff"}}'),
        ("post_deployments", b'{"flow_id": "f", "config": {"auto_rolback": false}}'),
        ("post_deployments", b'{"flow_id": "f", "config": {"batch_size": 1e40}}'),
        ("post_deployments", b'{"flow_id": "f", "start_at": "2026-02-21T12:00:00"}'),
        (
            "post_fleet_commands",
            b'{"verb": "start", "flow": "f", "targets": {"al": 1}}',
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_anybody_is_asked(name, body) -> None:
    with pytest.raises(Malformed):
        asked(name, body)


@pytest.mark.parametrize(
    "definition",
    [
        b'{"a": "\\u0000"}',
        b'{"\\u0000": 1}',
        b'{"a": 123456789012345678901234567890}',
        b'{"a":' * 500 + b"1" + b"}" * 500,
    ],
)
def test_what_not_every_part_can_carry_goes_no_further(definition: bytes) -> None:
    with pytest.raises((Unportable, Malformed)):
        asked("post_flows", b'{"definition": ' + definition + b"}")


def test_json_has_one_kind_of_numbers() -> None:
    found = asked("post_enrolment_codes", b'{"valid_s": 60.0}').request

    assert (found.valid_s, type(found.valid_s)) == (60, int)
    with pytest.raises(Malformed):
        asked("post_enrolment_codes", b'{"valid_s": "60"}')


def test_a_body_may_be_left_out_where_nothing_is_required() -> None:
    found = asked("post_flows_flow_publish", ids={"flow": "f"}, if_revision=3)

    assert (found.request.version, found.request.if_revision) == (None, 3)


def test_ids_are_made_up_once_for_a_flow() -> None:
    one, other = (asked("post_flows", b'{"definition": {}}').request for _ in "ab")

    assert one.flow.startswith("flow_")
    assert one.flow != other.flow
    assert one.if_revision == 0  # it must be new


@pytest.mark.parametrize("id_", ["", "A", "a.b", "a" * 65, "ä"])
def test_what_is_no_id_is_no_path(id_: str) -> None:
    with pytest.raises(Malformed, match="the flow in the path"):
        asked("get_flows_flow", ids={"flow": id_})


def test_an_etag_leads_back_to_the_revision() -> None:
    found = FlowVersion(
        flow="f", name="", version=2, saved_at_ms=0, saved_by="v", definition={},
        revision=7,
    )  # fmt: skip

    assert etag(found) == '"7.2"'
    assert revision_of('"7.2"') == revision_of('"7"') == revision_of("7") == 7
    assert (
        revision_of('W/"7.2"') is revision_of('"x"') is revision_of('"1", "2"') is None
    )


def test_a_problem_names_the_error_and_keeps_its_details() -> None:
    error = FlowInvalid("no start", findings=[{"rule": "R"}])
    told = problem(error, "/api/v1/flows/f/publish", "req1")

    assert (told.type, told.status) == ("urn:heddle:error:flow_invalid", 422)
    assert told.details == {"findings": [{"rule": "R"}]}
    assert (told.instance, told.request_id) == ("/api/v1/flows/f/publish", "req1")
    assert problem(TooLarge("x"), "/", "r").type == "urn:heddle:rest:TooLarge"
    assert refused(NotPermitted("no"), "/", "r").status == 403


def test_the_next_page_keeps_the_query_and_goes_on_after_the_last() -> None:
    route = BY_NAME["get_flows"]
    assert route.pages is not None

    class Page:
        flows = (type("F", (), {"id": "a b"})(),)
        more = True

    link = next_page(route.pages, Page, "/api/v1/flows", {"tag": ["x"], "after": ["a"]})
    assert link == '</api/v1/flows?tag=x&after=a+b>; rel="next"'
    Page.more = False
    assert next_page(route.pages, Page, "/api/v1/flows", {}) is None


def test_what_every_part_can_carry_is_let_through() -> None:
    check_portable({"a": [1, -1.5, True, None, "ü"], "b": {"c": 2**63 - 1}})
