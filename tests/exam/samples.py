"""The least that fits a type: for attempts that must fail for who asks alone."""

from typing import Any

from msgspec import inspect


def sample(kind: Any) -> Any:
    """Plain data that ``msgspec.convert`` takes as ``kind``."""
    return _of(inspect.type_info(kind))


PLAIN: dict[type[inspect.Type], Any] = {
    inspect.BoolType: False,
    inspect.IntType: 1,
    inspect.FloatType: 1.0,
    inspect.DictType: {},
    inspect.AnyType: {},
    inspect.CollectionType: [],
    inspect.ListType: [],
    inspect.VarTupleType: [],
    inspect.BytesType: "",
}


def _of(info: inspect.Type) -> Any:
    match info:
        case inspect.StructType(fields=given) | inspect.DataclassType(fields=given):
            return {f.encode_name: _of(f.type) for f in given if f.required}
        case inspect.UnionType(types=types):
            return None if info.includes_none else _of(types[0])
        case inspect.EnumType(cls=cls):
            return next(iter(cls)).value
        case inspect.Metadata(type=inner):
            return _of(inner)
        case inspect.StrType(min_length=least):
            return "a" * (least or 1)
    return PLAIN[type(info)]
