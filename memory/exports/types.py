"""Types of exported columns: found in values, and named the way Parquet and `datasets` name them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_WHOLE = r"^-?(0|[1-9][0-9]{0,14})$"
# Fifteen digits survive a float, which is what a whole column with an empty field passes through in many readers.
_NUMBER = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_LEADING_ZERO = r"^-?0[0-9]"
_TRUTH = r"^([Tt]rue|TRUE|[Ff]alse|FALSE)$"


def type_of(values: list[Any], texts: bool) -> Any:
    """Return the Arrow type that holds all `values`, or None when there is none."""
    import pyarrow as pa

    if texts and all(isinstance(value, str) or value is None for value in values):
        return _type_of_texts(pa.array([value for value in values if value], pa.string()))
    try:
        found = pa.array(values).type
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        return None
    return None if _has_empty_struct(found) else found


def _has_empty_struct(kind: Any) -> bool:
    # Parquet cannot write a struct without fields.
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return kind.num_fields == 0 or any(_has_empty_struct(one.type) for one in kind)
    return bool(pa.types.is_list(kind)) and _has_empty_struct(kind.value_type)


def _type_of_texts(texts: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    def every(pattern: str) -> bool:
        return bool(pc.all(pc.match_substring_regex(texts, pattern)).as_py())

    if len(texts) == 0:
        return pa.null()
    if every(_WHOLE):
        return pa.int64()
    if every(_NUMBER) and not pc.any(pc.match_substring_regex(texts, _LEADING_ZERO)).as_py():
        return pa.float64()
    return pa.bool_() if every(_TRUTH) else pa.string()


def common_type(one: Any, other: Any, texts: bool) -> Any:
    """Return the type that holds both, or None; in a file without types, words beside numbers make text."""
    import pyarrow as pa

    pair = [pa.schema([("x", kind)]) for kind in (one, other)]
    try:
        return pa.unify_schemas(pair, promote_options="permissive").field(0).type
    except (pa.ArrowException, ValueError):
        return pa.string() if texts else None


def schema_of(types: Mapping[str, pa.DataType], special: Mapping[str, Any]) -> pa.Schema:
    """Return the Arrow schema of `types` with the features `datasets` reads off it; `special` overrides some."""
    import pyarrow as pa

    features = {name: special.get(name) or feature_of(kind) for name, kind in types.items()}
    stated = json.dumps({"info": {"features": features}}, ensure_ascii=False)
    return pa.schema(list(types.items()), metadata={"huggingface": stated})


def media_type() -> pa.DataType:
    """Return the Arrow type of embedded media."""
    import pyarrow as pa

    return pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def feature_of(kind: pa.DataType) -> Any:
    """Return the feature of `datasets` that holds an Arrow type, as its JSON form."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return {one.name: feature_of(one.type) for one in kind}
    if pa.types.is_list(kind):
        return {"feature": feature_of(kind.value_type), "_type": "List"}
    return {"dtype": dtype_of(kind), "_type": "Value"}


def dtype_of(kind: pa.DataType) -> str:
    """Return the name that `datasets` has for a flat Arrow type."""
    return {"double": "float64", "float": "float32"}.get(str(kind), str(kind))
