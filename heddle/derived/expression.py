"""Reads an expression into a tree of ours; whatever is not arithmetic is refused.

Python's parser reads the text, nothing of it is ever evaluated as Python. A name is a
tag; ``tag("line 1.flow")`` names one that is no Python name. Text and tree are bounded.
"""

import ast
import math
from dataclasses import dataclass

MAX_CHARACTERS = 1000
MAX_NODES = 200
MAX_DEPTH = 40

FUNCTIONS: dict[str, tuple[int, int]] = {  # the least and most arguments
    "abs": (1, 1),
    "ceil": (1, 1),
    "clamp": (3, 3),
    "exp": (1, 1),
    "floor": (1, 1),
    "log": (1, 1),
    "log10": (1, 1),
    "max": (2, 20),
    "min": (2, 20),
    "round": (1, 2),
    "sqrt": (1, 1),
}
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.USub: "-",
    ast.UAdd: "+",
    ast.Not: "not",
    ast.And: "and",
    ast.Or: "or",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


class BadExpression(Exception):
    """An expression cannot be used: what is wrong, and at which column (from 1)."""

    def __init__(self, sentence: str, column: int) -> None:
        super().__init__(sentence)
        self.column = column


@dataclass(frozen=True, slots=True)
class Number:
    """A number without unit, or true or false."""

    value: float | bool
    column: int


@dataclass(frozen=True, slots=True)
class TagValue:
    """The value of a tag."""

    tag: str
    column: int


@dataclass(frozen=True, slots=True)
class Quantity:
    """``quantity(30, "°C")``: a number with a unit."""

    value: float
    unit: str
    column: int


@dataclass(frozen=True, slots=True)
class Converted:
    """``to(x, "kPa")``: the same in another unit."""

    operand: "Node"
    unit: str
    column: int


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator, ``if`` or a function, over its operands."""

    name: str
    operands: tuple["Node", ...]
    column: int


Node = Number | TagValue | Quantity | Converted | Operation


def parse(text: str) -> Node:
    """The tree of an expression. Raises ``BadExpression``."""
    if len(text) > MAX_CHARACTERS:
        raise BadExpression(
            f"it has {len(text)} characters: use at most {MAX_CHARACTERS}, and split "
            "it into several tags",
            MAX_CHARACTERS,
        )
    line = " ".join(text.splitlines())
    lead = len(line) - len(line.lstrip())
    line = line.strip()
    if not line:
        raise BadExpression("it is empty", 1)
    try:
        tree = ast.parse(line, mode="eval")
    except SyntaxError as flaw:
        column = flaw.offset or 1
        raise BadExpression(
            f'{flaw.msg}; a tag whose name is no word is written tag("its name")',
            column + lead,
        ) from None
    except (ValueError, MemoryError, RecursionError):
        raise BadExpression("it is no expression", 1) from None
    return _Reader(line, lead).read(tree.body, 0)


def tags_of(node: Node) -> frozenset[str]:
    """The tags an expression names."""
    match node:
        case TagValue(tag):
            return frozenset({tag})
        case Converted(operand):
            return tags_of(operand)
        case Operation(_, operands):
            return frozenset().union(*map(tags_of, operands))
        case _:
            return frozenset()


class _Reader:
    """Turns Python's tree into ours."""

    def __init__(self, line: str, lead: int) -> None:
        self._bytes = line.encode()
        self._lead = lead
        self._nodes = 0

    def read(self, node: ast.expr, depth: int) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            raise BadExpression(
                f"it has more than {MAX_NODES} parts or is nested deeper than "
                f"{MAX_DEPTH}: split it into several tags",
                self._column(node),
            )
        match node:
            case ast.Constant() | ast.Name() | ast.Call():
                return self._leaf_or_call(node, depth)
            case ast.BinOp(left, op, right):
                return self._operation(node, op, (left, right), depth)
            case ast.UnaryOp(op, operand):
                return self._operation(node, op, (operand,), depth, unary=True)
            case ast.BoolOp(op, values):
                return self._operation(node, op, tuple(values), depth)
            case ast.Compare():
                return self._comparison(node, depth)
            case ast.IfExp(test, body, orelse):
                parts = (test, body, orelse)
                operands = tuple(self.read(each, depth + 1) for each in parts)
                return Operation("if", operands, self._column(node))
            case _:
                raise self._refused(node)

    def _leaf_or_call(
        self, node: ast.Constant | ast.Name | ast.Call, depth: int
    ) -> Node:
        match node:
            case ast.Constant(bool() as value):
                return Number(value, self._column(node))
            case ast.Constant(int() | float()):
                return Number(self._number(node), self._column(node))
            case ast.Name(name):
                return TagValue(name, self._column(node))
            case ast.Call(ast.Name(name), args, []):
                return self._call(node, name, args, depth)
            case _:
                raise self._refused(node)

    def _operation(
        self,
        node: ast.expr,
        op: ast.AST,
        parts: tuple[ast.expr, ...],
        depth: int,
        *,
        unary: bool = False,
    ) -> Node:
        name = _OPERATORS.get(type(op))
        if name is None:
            raise self._refused(node)
        operands = tuple(self.read(each, depth + 1) for each in parts)
        if unary and name in "+-":
            name = {"-": "negative", "+": "positive"}[name]
        return Operation(name, operands, self._column(node))

    def _comparison(self, node: ast.Compare, depth: int) -> Node:
        """``a < b < c`` is ``a < b and b < c``."""
        parts = [self.read(each, depth + 1) for each in (node.left, *node.comparators)]
        column = self._column(node)
        pairs = []
        for op, left, right in zip(node.ops, parts, parts[1:], strict=False):
            name = _OPERATORS.get(type(op))
            if name is None:
                raise self._refused(node)
            pairs.append(Operation(name, (left, right), column))
        return pairs[0] if len(pairs) == 1 else Operation("and", tuple(pairs), column)

    def _call(
        self, node: ast.Call, name: str, args: list[ast.expr], depth: int
    ) -> Node:
        column = self._column(node)
        match name, args:
            case "tag", [ast.Constant(str() as tag)]:
                return TagValue(tag, column)
            case "quantity", [number, ast.Constant(str() as unit)]:
                return Quantity(self._signed(number), unit, column)
            case "to", [operand, ast.Constant(str() as unit)]:
                return Converted(self.read(operand, depth + 1), unit, column)
            case (("tag" | "quantity" | "to"), _):
                raise BadExpression(
                    f"{name} is written {_FORMS[name]}, with the text as it stands",
                    column,
                )
            case _:
                pass
        if name not in FUNCTIONS:
            known = ", ".join(sorted((*FUNCTIONS, *_FORMS)))
            raise BadExpression(
                f"there is no function {name}; there are {known}", column
            )
        least, most = FUNCTIONS[name]
        if not least <= len(args) <= most:
            count = str(least) if least == most else f"{least} to {most}"
            raise BadExpression(f"{name} takes {count} values, not {len(args)}", column)
        return Operation(name, tuple(self.read(a, depth + 1) for a in args), column)

    def _signed(self, node: ast.expr) -> float:
        match node:
            case ast.UnaryOp(ast.USub(), ast.Constant() as number):
                return -self._number(number)
            case ast.Constant() as number:
                return self._number(number)
            case _:
                raise BadExpression("a number is wanted here", self._column(node))

    def _number(self, node: ast.Constant) -> float:
        value = node.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                return number
        raise BadExpression(
            "a number is wanted here, and one that is not too large",
            self._column(node),
        )

    def _refused(self, node: ast.expr) -> BadExpression:
        return BadExpression(
            "only tags, numbers, + - * / **, comparisons, and/or/not, "
            "`a if condition else b` and functions can be used",
            self._column(node),
        )

    def _column(self, node: ast.expr) -> int:
        before = self._bytes[: node.col_offset].decode(errors="ignore")
        return len(before) + 1 + self._lead


_FORMS = {
    "tag": 'tag("name")',
    "quantity": 'quantity(30, "°C")',
    "to": 'to(value, "kPa")',
}
