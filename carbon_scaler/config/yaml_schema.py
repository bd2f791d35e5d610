"""A YAML document read as a strict model; the first problem is told with its line."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import isfinite, nan
from typing import Annotated, Any, TypeGuard, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import ErrorDetails

from carbon_scaler.config.yaml_document import KeyPath, PolicyFileError, YamlDocument
from carbon_scaler.domain.durations import DURATION_FORMS, parse_duration
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.domain.trigger import Problem, quoted

Model = TypeVar("Model", bound="StrictModel")


class StrictModel(BaseModel):
    """Nothing is converted and nothing unknown is let through."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class StatingModel(StrictModel):
    """A key that is there states something: half of a line is no default."""

    @field_validator("*", mode="before")
    @classmethod
    def _stated(cls, value: object) -> object:
        if value is None:
            raise ValueError
        return value


def _number(value: object) -> object:
    """YAML's decimals arrive as text."""
    written = isinstance(value, str | int) and not isinstance(value, bool)
    number = float(str(value)) if written else nan
    if not isfinite(number):
        raise ValueError
    return number


def _duration(value: object) -> object:
    written = isinstance(value, str | int) and not isinstance(value, bool)
    duration = parse_duration(str(value)) if written else None
    if duration is None:
        raise ValueError
    return duration


def matching(pattern: re.Pattern[str]) -> AfterValidator:
    """A text that is wholly as the pattern says."""

    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError
        return text

    return AfterValidator(check)


Number = Annotated[float, BeforeValidator(_number)]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": ["string", "number"], "description": DURATION_FORMS}),
]
# Of the environment.
VariableName = Annotated[str, matching(re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}", re.ASCII))]


def entries(document: YamlDocument, key: str) -> Iterator[tuple[str, object]]:
    """The named entries below the document's only key; none where it is empty."""
    value = document.value
    if value is None:
        return
    if not isinstance(value, dict):
        raise document.error((), f"is not a mapping; begin it with {key}:")
    for other in value:
        if other != key:
            raise document.error(
                (other,), f"{quoted(str(other), 100)}: unknown key; {allowed_names(other, [key])}"
            )
    named = value.get(key)
    if named is None:
        return
    if not isinstance(named, dict):
        raise document.error((key,), f"{key}: is not a mapping of NAME: {{…}}")
    yield from named.items()


def read_as(
    model: type[Model],
    document: YamlDocument,
    path: KeyPath,
    value: object,
    *,
    allowed: Mapping[str, str],
    unsaid: Collection[str] = (),
) -> Model:
    """The value at a path as this model; `allowed` says of each key what may stand there.

    What stands at the keys of `unsaid` is not repeated: it may be a secret.
    """
    if not isinstance(value, dict):
        raise document.error(path, f"{dotted(path)}: is not a mapping of keys")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        reader = _Reader(model=model, document=document, path=path, allowed=allowed, unsaid=unsaid)
        raise reader.first_problem(error) from None


def read_whole(model: type[Model], document: YamlDocument, *, allowed: Mapping[str, str]) -> Model:
    """The document as this model; an empty one, and a key with nothing after it, state nothing."""
    value = {} if document.value is None else document.value
    if not isinstance(value, dict):
        keys = " or ".join(f"{key}:" for key in model.model_fields)
        raise document.error((), f"is not a mapping; begin it with {keys}")
    stated = {
        key: each
        for key, each in value.items()
        if each is not None or key not in model.model_fields
    }
    return read_as(model, document, (), stated, allowed=allowed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Reader:
    model: type[StrictModel]
    document: YamlDocument
    path: KeyPath
    allowed: Mapping[str, str]
    unsaid: Collection[str]

    def first_problem(self, error: ValidationError) -> PolicyFileError:
        """One problem of all: a misspelt key or kind explains what else seems wrong."""
        details = sorted(error.errors(include_url=False), key=self._rank)
        more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
        inner = tuple(part for part in details[0]["loc"] if part != "[key]")
        return self.document.error((*self.path, *inner), self._text(details[0], inner) + more)

    def _rank(self, detail: ErrorDetails) -> tuple[int, int]:
        explains = detail["type"] == "extra_forbidden" or detail["loc"][-1] == "kind"
        line = self.document.line_of((*self.path, *detail["loc"]))
        return (0 if explains else 1, line or 0)

    def _text(self, detail: ErrorDetails, inner: KeyPath) -> str:
        key = dotted((*self.path, *inner))
        if detail["type"] == "extra_forbidden":
            # Not its value, which may be a secret under a wrong name.
            return f"{key}: unknown key; {allowed_names(str(inner[-1]), self._keys(inner[:-1]))}"
        named = (self.allowed.get(str(part)) for part in reversed(inner))
        allowed = next(filter(None, named), "something else")
        missing = detail["type"] == "missing"
        if not missing and any(part in self.unsaid for part in inner):
            return f"{key}: is not allowed; {allowed}"
        said = None if missing else _said(detail["input"])
        return str(Problem(key=key, said=said, allowed=allowed))

    def _keys(self, inner: KeyPath) -> list[str]:
        """The keys of the model, or of the one nested in it at this path."""
        model: type[BaseModel] = self.model
        for part in inner:
            # An entry of a list or of a mapping by names is no field: the model stays.
            if str(part) in model.model_fields:
                model = next(_models_in(model.model_fields[str(part)].annotation), model)
        return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401  whatever is written
    if _is_model(annotation):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:  # noqa: ANN401  whatever is written
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def dotted(path: KeyPath) -> str:
    """A key as one would say it."""
    return ".".join(quoted(str(part), 100)[1:-1] for part in path)


def _said(value: object) -> str:
    match value:
        case str() | int() | float():
            return str(value)
        case None:
            return ""
        case dict():
            return "a mapping"
        case _:
            return "a list"
