"""Say in one line which entry of the parameters is wrong, and what a misspelt one may mean."""

from collections.abc import Sequence
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError


def describe(error: ValidationError, model: type[BaseModel], prefix: Sequence[str] = ()) -> str:
    """The path of the wrong entry, and what is wrong with it.

    Args:
        error: that `model` raised.
        model: which says the right names.
        prefix: where in the file the model's own entries stand.
    """
    # An unknown entry first: a required one that is misspelt is also said to be missing.
    wrong = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")[0]
    path = [*prefix, *(str(part) for part in wrong["loc"])]
    where = ".".join(path) or "the whole file"
    if wrong["type"] != "extra_forbidden":
        return f"{where}: {wrong['msg']}"
    near = get_close_matches(path[-1], _names(model, wrong["loc"][:-1], top=not prefix), n=1)
    if not near:
        return f"{where}: there is no such parameter"
    return f"{where}: there is no such parameter; did you mean {'.'.join([*path[:-1], *near])}?"


def _names(model: type[BaseModel], path: Sequence[int | str], *, top: bool) -> list[str]:
    """The entries that the section at `path` may have."""
    for part in path:
        inner = model.model_fields[str(part)].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    # A file may extend another one; that is no field of the model.
    return [*model.model_fields, *(["extends"] if top and not path else [])]
