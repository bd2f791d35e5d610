"""JSON Schemas of the policy documents for editors, from the very models that read them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import getclosurevars
from typing import Annotated, Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from carbon_scaler.config import backlogs_file, profile_schema, sources_file
from carbon_scaler.config.backlogs_file import BacklogModel
from carbon_scaler.config.documents import adequacy, bands, budgets, classes, residency, scheduler
from carbon_scaler.config.documents import windows as time_shift
from carbon_scaler.config.documents.words import NAME
from carbon_scaler.config.policy_directory import (
    BACKLOGS,
    BANDS,
    BUDGETS,
    CLASSES,
    PROFILES,
    RESIDENCY,
    SCHEDULER,
    SOURCES,
    WINDOWS,
)
from carbon_scaler.config.region_profiles import NAME_FORM as REGION_NAME
from carbon_scaler.config.sources_file import NAME_FORM as SOURCE_NAME
from carbon_scaler.config.sources_file import SourceModel
from carbon_scaler.config.yaml_schema import StatingModel, StrictModel, matching
from carbon_scaler.domain.curves import FEWEST_POINTS, MOST_POINTS
from carbon_scaler.domain.durations import DURATION_FORMS
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.suggestions import allowed_names

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# 12h30m, PT12H30M, or minutes in quotes. No \d: in some dialects it is any script's digit.
_DURATION_TEXT = (
    r"^\s*(?:(?=[0-9])(?:[0-9]{1,6}[dD])?(?:[0-9]{1,6}[hH])?"
    r"(?:[0-9]{1,8}[mM](?:[iI][nN])?)?(?:[0-9]{1,9}[sS])?"
    r"|[pP](?=[0-9tT])(?:[0-9]{1,4}[wW])?(?:[0-9]{1,6}[dD])?"
    r"(?:[tT](?=[0-9])(?:[0-9]{1,6}[hH])?(?:[0-9]{1,8}[mM])?(?:[0-9]{1,9}(?:\.[0-9]{1,6})?[sS])?)?"
    r"|[0-9]{1,8}(?:\.[0-9]{1,6})?)\s*$"
)
_DURATION: JsonSchemaValue = {
    "anyOf": [
        {"type": "string", "pattern": _DURATION_TEXT},
        {"type": "number", "minimum": 0},
    ]
}
_DURATION_REF: JsonSchemaValue = {"$ref": "#/$defs/Duration"}
_POINT_TEXT = r"\s*[0-9]{1,5}(?:\.[0-9]{1,10})?\s*:\s*[0-9](?:\.[0-9]{1,10})?\s*"
_POINT: JsonSchemaValue = {
    "type": "array",
    "items": {"type": "number", "minimum": 0},
    "minItems": 2,
    "maxItems": 2,
}
_CURVE: JsonSchemaValue = {
    "anyOf": [
        {"type": "string", "pattern": f"^{_POINT_TEXT}(?:,{_POINT_TEXT}){{1,19}}$"},
        {
            "type": "array",
            "items": _POINT,
            "minItems": FEWEST_POINTS,
            "maxItems": MOST_POINTS,
        },
    ]
}
# Bounds that pydantic states by its own names where a validator stands before them.
_BOUNDS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
_NULL: JsonSchemaValue = {"type": "null"}


class UnknownDocumentError(CarbonScalerError):
    """No policy document has this name."""


class BacklogsModel(StrictModel):
    """backlogs.yaml as a whole."""

    backlogs: dict[Annotated[str, matching(NAME)], BacklogModel] | None = None


class SourcesModel(StrictModel):
    """sources.yaml as a whole."""

    sources: dict[Annotated[str, matching(SOURCE_NAME)], SourceModel] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    model: type[StrictModel]
    allowed: Mapping[str, str]
    # What the reader asks of a key that its type does not say, by the key's name.
    closer: Mapping[str, JsonSchemaValue] = field(default_factory=dict)


_NAMED: JsonSchemaValue = {"propertyNames": {"pattern": f"^(?:{NAME.pattern})$"}}
_SETTINGS: Mapping[str, JsonSchemaValue] = {"curve": _CURVE}
DOCUMENTS: Mapping[str, _Document] = {
    BACKLOGS: _Document(
        model=BacklogsModel, allowed=backlogs_file.ALLOWED, closer={"query": {"pattern": r"\S"}}
    ),
    BUDGETS: _Document(
        model=budgets.BudgetsModel, allowed=budgets.ALLOWED, closer={"services": _NAMED}
    ),
    BANDS: _Document(model=bands.BandsModel, allowed=bands.ALLOWED),
    RESIDENCY: _Document(
        model=residency.ResidencyModel,
        allowed={**adequacy.ALLOWED, **residency.ALLOWED},
        closer={"tenants": _NAMED},
    ),
    PROFILES: _Document(
        model=profile_schema.ProfilesModel,
        allowed=profile_schema.ALLOWED,
        closer={"regions": {"propertyNames": {"pattern": f"^(?:{REGION_NAME.pattern})$"}}},
    ),
    SCHEDULER: _Document(
        model=scheduler.SchedulerModel, allowed=scheduler.ALLOWED, closer=_SETTINGS
    ),
    SOURCES: _Document(
        model=SourcesModel,
        allowed=sources_file.ALLOWED,
        closer={"url": {"pattern": r"^https?://[^/?#@\s]+([/?][^#]*)?$"}},
    ),
    WINDOWS: _Document(model=time_shift.TimeShiftModel, allowed=time_shift.ALLOWED),
    CLASSES: _Document(model=classes.ClassesModel, allowed=classes.ALLOWED, closer=_SETTINGS),
}


def policy_schema(name: str) -> JsonSchemaValue:
    """The schema of one document; an empty file is one, and states nothing."""
    document = DOCUMENTS.get(name)
    if document is None:
        raise UnknownDocumentError(
            f"{name} is no policy document; {allowed_names(name, DOCUMENTS)}"
        )
    made = _in_the_standard(document.model.model_json_schema(schema_generator=_AsRead))
    definitions = {"Duration": _DURATION, **made.pop("$defs", {})}
    for part in (made, *definitions.values()):
        _describe(part, document)
    made["properties"] = {
        key: _or_nothing(value) for key, value in made.get("properties", {}).items()
    }
    kind = {"type": ["object", "null"]}
    return {"$schema": DIALECT, "title": name, **made, **kind, "$defs": definitions}


def policy_schemas() -> Mapping[str, JsonSchemaValue]:
    """All of them by the name of the document."""
    return {name: policy_schema(name) for name in DOCUMENTS}


class _AsRead(GenerateJsonSchema):
    """Says of our validators what they let through."""

    def function_after_schema(
        self, schema: core_schema.AfterValidatorFunctionSchema
    ) -> JsonSchemaValue:
        inner = super().function_after_schema(schema)
        # What `matching` made holds its pattern.
        pattern = getclosurevars(_bare(schema["function"]["function"])).nonlocals.get("pattern")
        return inner if pattern is None else {**inner, "pattern": f"^(?:{pattern.pattern})$"}

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        made.pop("title", None)
        made.pop("description", None)
        if issubclass(schema["cls"], StatingModel):
            made["properties"] = {
                key: _something(value) for key, value in made.get("properties", {}).items()
            }
        return made

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:  # noqa: ARG002  the base's
        return dict(_DURATION_REF)


def _bare(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function inside a partial one."""
    return getattr(function, "func", function)


def _something(value: JsonSchemaValue) -> JsonSchemaValue:
    """A key that is there states something."""
    choices = [each for each in value.get("anyOf", ()) if each != _NULL]
    rest = {key: each for key, each in value.items() if key not in ("anyOf", "default")}
    if len(choices) == 1:
        return {**choices[0], **rest}
    return {"anyOf": choices, **rest} if choices else value


def _or_nothing(value: JsonSchemaValue) -> JsonSchemaValue:
    """A first key with nothing after it, or only comments."""
    if _NULL in value.get("anyOf", ()):
        return value
    described = {key: each for key, each in value.items() if key == "description"}
    inner = {key: each for key, each in value.items() if key != "description"}
    return {"anyOf": [inner, _NULL], **described}


def _describe(part: JsonSchemaValue, document: _Document) -> None:
    """Tell each key what may stand there, in the words of the reader's refusal."""
    for key, value in part.get("properties", {}).items():
        value.pop("title", None)
        if value.get("default", ...) is None:
            del value["default"]
        value.update(document.closer.get(key, {}))
        if text := document.allowed.get(key):
            value["description"] = text


def _in_the_standard(node: Any) -> Any:  # noqa: ANN401  any JSON
    """The same in the words of the standard alone."""
    if isinstance(node, list):
        return [_in_the_standard(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("description") == DURATION_FORMS:
        # What the readers say of a duration only tells its types.
        rest = {key: each for key, each in node.items() if key not in ("type", "description")}
        return {**rest, **_DURATION_REF}
    inner = {_BOUNDS.get(key, key): _in_the_standard(each) for key, each in node.items()}
    if "patternProperties" in inner:
        inner["additionalProperties"] = False
    return inner
