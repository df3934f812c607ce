"""The language's rules as TypeScript, for the page's designer.

Which element may lead to which is not written down a second time: ``validate`` is asked
about every pair of kinds, and about two links from one element. Renew the page's copy
with ``python -m heddle.workflow.typescript > services/web/src/design/rules.ts``.
"""

import json
import sys
from collections.abc import Iterable, Mapping

from heddle.workflow.conditions import Joint, Operator
from heddle.workflow.definition import DispatcherKind, GatewayKind, ListenerKind
from heddle.workflow.findings import Mode, Rule
from heddle.workflow.parse import findings
from heddle.workflow.schema import workflow_schema
from heddle.workflow.variables import PLACES, VariableType

HEAD = """\
// Made from heddle/workflow by `python -m heddle.workflow.typescript`: do not edit.
"""
SAMPLES: Mapping[str, Mapping[str, object]] = {
    "EVENT_LISTENER": {"type": "TIMER"},
    "GATEWAY": {"type": "OR"},
    "EVENT_DISPATCHER": {"type": "ALERT"},
    "PHASE": {},
}
"""An element of each type that links can join; its ``type`` plays no part in that."""


def typescript() -> str:
    """The whole module's text."""
    return "\n".join(
        (
            HEAD,
            _words("LISTENERS", "What a listener waits for.", ListenerKind),
            _words("GATEWAYS", "How a gateway passes signals on.", GatewayKind),
            _words("DISPATCHERS", "What a dispatcher does.", DispatcherKind),
            _words("OPERATORS", "Between two operands.", Operator),
            _words("JOINTS", "Between conditions.", Joint),
            _words("VARIABLE_TYPES", "What a variable's value is.", VariableType),
            _words("PLACES", "The fields in which a variable may stand.", PLACES),
            _table("FIELDS", "The fields each kind of element has.", _fields()),
            _table("LEADS_TO", "Which elements a link may join.", _leads_to()),
            _const(
                "LEAD_ONCE",
                "Those that at most one link may leave.",
                [one for one in SAMPLES if _leads_once(one)],
            ),
            _const(
                "MAY_LEAD_TO_ITSELF",
                "Whether an element may lead to itself.",
                any(_may_join(one, one, itself=True) for one in SAMPLES),
            ),
        )
    )


def _leads_to() -> dict[str, list[str]]:
    return {
        source: [target for target in SAMPLES if _may_join(source, target)]
        for source in SAMPLES
    }


def _may_join(source: str, target: str, *, itself: bool = False) -> bool:
    joined = "one" if itself else "other"
    broken = _broken(
        _sample("one", source), _sample("other", target), _link("link", joined)
    )
    return Rule.FORBIDDEN_CONNECTION not in broken


def _leads_once(source: str) -> bool:
    pair = _sample("one", source), _sample("other", "PHASE")
    broken = _broken(*pair, _link("link", "other"), _link("again", "other"))
    return Rule.INCORRECT_AMOUNT_OF_OUTGOING_FLOWS in broken


def _sample(name: str, element_type: str) -> dict[str, object]:
    return {"id": name, "elementType": element_type, **SAMPLES[element_type]}


def _link(name: str, target: str) -> dict[str, object]:
    return {"id": name, "elementType": "FLOW", "srcId": "one", "destId": target}


def _broken(*elements: dict[str, object]) -> set[Rule]:
    document = {"id": "sample", "elements": list(elements)}
    return {one.rule for one in findings(document, Mode.STRICT)}


def _fields() -> dict[str, list[str]]:
    """By element type, and ``type`` where there is one: ``GATEWAY/AND``."""
    kinds = workflow_schema()["properties"]["elements"]["items"]["oneOf"]
    fields: dict[str, list[str]] = {}
    for kind in kinds:
        known = kind["properties"]
        named = known["elementType"]["const"]
        if "type" in known:
            named = f"{named}/{known['type']['const']}"
        fields[named] = list(known)
    return fields


def _const(name: str, comment: str, value: object) -> str:
    mark = " as const" if isinstance(value, list) else ""
    return f"/** {comment} */\nexport const {name} = {json.dumps(value)}{mark};\n"


def _words(name: str, comment: str, words: Iterable[str]) -> str:
    ordered = sorted(words) if isinstance(words, frozenset) else list(words)
    return _const(name, comment, [str(word) for word in ordered])


def _table(name: str, comment: str, table: Mapping[str, list[str]]) -> str:
    rows = "".join(
        f"  {json.dumps(key)}: {json.dumps(words)},\n" for key, words in table.items()
    )
    kind = "Readonly<Record<string, readonly string[]>>"
    return f"/** {comment} */\nexport const {name}: {kind} = {{\n{rows}}};\n"


if __name__ == "__main__":
    sys.stdout.write(typescript())
