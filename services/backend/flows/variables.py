"""The values of a release's variables for one device. Pure.

Defaults first, then layer over layer: the deployment's, those of each selector that
matches the device in their order, the device's own. Later ones win.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from heddle.contract.device_deployments import VariableInvalid
from heddle.workflow.conditions import Value
from heddle.workflow.findings import WorkflowInvalid
from heddle.workflow.parse import parse
from heddle.workflow.variables import Variable, WrongType, bind, declared, value_of

Variables = Mapping[str, Variable]


def variables_of(definition: dict[str, Any]) -> dict[str, Variable]:
    """The variables a release declares, by name; it was checked when published."""
    return {one.name: one for one in declared(definition)}


def resolved_variables(
    variables: Variables, layers: Iterable[tuple[str, Mapping[str, object]]]
) -> dict[str, Value]:
    """Every variable's value; a layer is whose it is and its values.

    Raises ``VariableInvalid`` for an unknown name or a wrong type, naming the layer.
    """
    values: dict[str, Value] = {one.name: one.value for one in variables.values()}
    for whose, layer in layers:
        for name, value in layer.items():
            try:
                values[name] = value_of(variables, name, value)
            except WrongType as flaw:
                raise VariableInvalid(f"{whose}: {flaw}", name=name) from None
    return values


def check_values(definition: dict[str, Any], values: Mapping[str, object]) -> None:
    """Whether the workflow runs with these values; else raises ``VariableInvalid``."""
    try:
        parse(bind(definition, values))
    except WorkflowInvalid as flaw:
        raise VariableInvalid(f"with these variables {flaw}") from None
