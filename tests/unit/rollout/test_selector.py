"""Selectors of devices by their labels."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heddle.rollout.selector import LONGEST, SelectorInvalid, read

PRESS = {"site": "graz", "line": "a", "spare": ""}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("all", True),
        ("not all", False),
        ("site=graz", True),
        ("site == graz", True),
        ("site=Graz", False),
        ("site != linz", True),
        ("floor != 2", True),  # there is no such label
        ("floor = 2", False),
        ("spare", True),
        ("not spare", False),
        ("NOT spare", False),
        ("site=graz and not spare", False),
        ("site=linz or line=a", True),
        ("line in (a, b)", True),
        ("line in (b)", False),
        ("line not in (b, c)", True),
        ("floor not in (1)", True),
        ("site=linz and line=a or spare", True),  # and binds more than or
        ("spare or site=linz and line=b", True),
        ("(spare or site=linz) and line=b", False),
        ("not site=linz and line=a", True),  # not binds most
        ("not (site=linz or line=a)", False),
        ("not not spare", True),
        ('site="graz"', True),
        ("site='graz' and line in ('a', \"b c\")", True),
        ("  site=graz  ", True),
        ("site = in", False),  # a value may be any word
    ],
)
def test_what_is_meant(text: str, meant: bool) -> None:
    assert read(text).matches(PRESS) is meant


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected a label at the end (character 1)"),
        ("site=", "expected a value at the end (character 6)"),
        ("site=graz line=a", "expected 'and', 'or' or the end at 'line=a'"),
        ("(site=graz", "expected ')' at the end (character 11)"),
        ("site=graz)", "expected 'and', 'or' or the end at ')' (character 10)"),
        ("line in a", "expected '(' at 'a' (character 9)"),
        ("line in (a b)", "expected ',' or ')' at 'b)' (character 12)"),
        ("line in ()", "expected a value at ')' (character 10)"),
        ("line not b", "expected 'in' at 'b' (character 10)"),
        ("and", "expected a label at 'and' (character 1)"),
        ("site=graz & spare", "cannot be read at '& spare' (character 11)"),
        ('site="graz', "cannot be read at '\"graz' (character 6)"),
        ("not " * 60 + "a", "is nested deeper than 50"),
        ("a" * (LONGEST + 1), f"is longer than {LONGEST} characters"),
    ],
)
def test_what_cannot_be_read_names_the_place(text: str, problem: str) -> None:
    with pytest.raises(SelectorInvalid) as caught:
        read(text)
    assert problem in str(caught.value)


names = st.sampled_from(["a", "b", "c"])
values = st.sampled_from(["0", "1"])
# a pair: how it is written here, and in Python
terms = st.one_of(
    names.map(lambda x: (x, f"({x!r} in d)")),
    st.tuples(names, values).map(
        lambda x: (f"{x[0]}={x[1]}", f"(d.get({x[0]!r}) == {x[1]!r})")
    ),
    st.tuples(names, values).map(
        lambda x: (f"{x[0]} not in ({x[1]}, 7)", f"(d.get({x[0]!r}) != {x[1]!r})")
    ),
)
Pair = tuple[str, str]


def joined(parts: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    def both(word: str) -> st.SearchStrategy[Pair]:
        return st.tuples(parts, parts).map(
            lambda x: tuple(f"{x[0][n]} {word} {x[1][n]}" for n in (0, 1))  # type: ignore[return-value]
        )

    return st.one_of(
        both("and"),
        both("or"),
        parts.map(lambda x: (f"({x[0]})", f"({x[1]})")),
        parts.map(lambda x: (f"not ({x[0]})", f"(not ({x[1]}))")),
    )


@given(
    st.recursive(terms, joined, max_leaves=8),
    st.dictionaries(names, values),
)
def test_it_binds_as_python_does(pair: Pair, labels: dict[str, str]) -> None:
    written, python = pair
    wanted = eval(python, {"d": labels})  # noqa: S307
    assert read(written).matches(labels) is wanted


@given(st.text(alphabet="ab=!()',\" innotadr", max_size=30))
def test_it_reads_or_refuses(text: str) -> None:
    with suppress(SelectorInvalid):
        read(text).matches({"a": "b"})
