"""Policies and their differences as people and machines read them."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import typer

from carbon_scaler.application.explain import plain
from carbon_scaler.application.policy_diff import Answer, Comparison, Interval
from carbon_scaler.cli.output import print_table
from carbon_scaler.wiring.policy import DiffFound

HOUR = timedelta(hours=1)
EVERY_CASE = (
    "no trigger is recorded in that time: every class (and every tenant that differs) was tried in "
    "every region, as a gate"
)
LEFT_OUT = (
    "values are taken as they are stored now; operators' overrides and what budgets had spent are "
    "left out"
)


def print_summary(summary: Mapping[str, Any]) -> None:
    """What a checked directory holds."""
    rows = [(key, said(value)) for key, value in summary.items() if key != "warnings"]
    rows += [("warning", text) for text in summary["warnings"]]
    print_table(("what", "value"), rows)


def print_view(view: Mapping[str, Any]) -> None:
    """The merged policy: one row for each thing that is stated."""
    print_table(("part", "key", "value", "origin"), _rows(view))


def _rows(view: Mapping[str, Any]) -> Iterable[tuple[object, ...]]:
    yield ("version", "", view["version"], "")
    for part in ("enabled", "time_shift", "weights", "adequacy"):
        yield (part, "", said(view[part]["value"]), view[part]["origin"])
    yield from _band_rows(view)
    for name, each in view["classes"].items():
        yield from _class_rows(f"class {name}", each)
    yield from _entry_rows(view)
    for warning in view["warnings"]:
        yield ("warning", "", warning, "")


def _band_rows(view: Mapping[str, Any]) -> Iterable[tuple[object, ...]]:
    for part in ("bands", "classification"):
        for band in view[part]["value"]:
            yield (part, band["name"], _limits(band), view[part]["origin"])


def _entry_rows(view: Mapping[str, Any]) -> Iterable[tuple[object, ...]]:
    for window in view["windows"]:
        yield _entry(f"window {window['name']}", window)
    for part in ("tenants", "budgets"):
        for name, each in view[part].items():
            yield _entry(f"{part.removesuffix('s')} {name}", each)


def _limits(band: Mapping[str, Any]) -> str:
    below = "no end" if band["below"] is None else f"below {band['below']:g} g/kWh"
    expected = band["min_renewable_percent"]
    return below if expected is None else f"{below}, renewables from {expected:g} %"


def _class_rows(part: str, each: Mapping[str, Any]) -> Iterable[tuple[object, ...]]:
    for key in ("urgent", "preferred_regions", "fallback_regions"):
        if each[key]:
            yield (part, key, said(each[key]), each["origin"])
    for key, setting in each["settings"].items():
        if setting["value"] is not None:
            yield (part, key, said(setting["value"]), setting["origin"])


def _entry(part: str, entry: Mapping[str, Any]) -> tuple[object, ...]:
    stated = {
        key: value
        for key, value in entry.items()
        if key not in ("name", "service", "origin") and value not in (None, [])
    }
    return (part, "", said(stated), entry["origin"])


def said(value: object) -> str:
    """A value in one line."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(said(each) for each in value)
        case dict():
            return ", ".join(f"{key} {said(each)}" for key, each in value.items())
        case int() | float():
            return f"{value:g}"
        case _:
            return str(plain(value))


def diff_document(found: DiffFound) -> dict[str, Any]:
    """One document; instants are ISO 8601, lengths are hours."""
    return {
        "old": {"version": found.old.policy.version, "documents": found.old.documents},
        "new": {"version": found.new.policy.version, "documents": found.new.documents},
        "since": found.since,
        "until": found.until,
        "compared": "recorded triggers" if found.recorded else "classes and regions",
        "changes": [_change(each, change) for each in found.compared for change in each.changes],
        "objects": [_object(each) for each in found.compared],
        "unchanged": [pair.label for pair in found.alike],
        "notes": _notes(found),
    }


def _change(each: Comparison, change: Interval) -> dict[str, Any]:
    return {
        "object": each.pair.label,
        "region": each.pair.region,
        "from": change.begins_at,
        "to": change.ends_at,
        "old": _answer(change.old),
        "new": _answer(change.new),
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {"verdict": answer.verdict, "reason": answer.reason, "level": answer.level}


def _object(each: Comparison) -> dict[str, Any]:
    return {
        "object": each.pair.label,
        "region": each.pair.region,
        "changes": len(each.changes),
        "hours_changed": _hours(
            sum((change.ends_at - change.begins_at for change in each.changes), timedelta(0))
        ),
        "hours_open_before": _hours(each.open_before),
        "hours_open_after": _hours(each.open_after),
        "notes": each.pair.notes,
    }


def _hours(length: timedelta) -> float:
    return round(length / HOUR, 2)


def _notes(found: DiffFound) -> list[str]:
    notes = [LEFT_OUT] if found.recorded else [EVERY_CASE, LEFT_OUT]
    if found.tenants_left_out:
        notes.append(f"{found.tenants_left_out} more tenants differ and were not tried")
    return notes


def print_diff(found: DiffFound) -> None:
    """A line for each change, then the hours of each object, then what to know of both."""
    document = diff_document(found)
    versions = f"{document['old']['version']} → {document['new']['version']}"
    period = f"{_minute(found.since)} to {_minute(found.until)}"
    typer.echo(f"{versions}, {period}: {len(document['changes'])} changes")
    if document["changes"]:
        print_table(("from", "to", "object", "old", "new"), map(_line, _changes(found)))
        typer.echo("")
    if document["objects"]:
        columns = ("object", "changes", "hours open before", "after", "note")
        print_table(columns, map(_total, document["objects"]))
    if document["unchanged"]:
        typer.echo(f"{len(document['unchanged'])} objects mean the same under both")
    for note in document["notes"]:
        typer.echo(note)


def _changes(found: DiffFound) -> list[tuple[Comparison, Interval]]:
    changes = [(each, change) for each in found.compared for change in each.changes]
    return sorted(changes, key=lambda found: found[1].begins_at)


def _line(found: tuple[Comparison, Interval]) -> tuple[object, ...]:
    each, change = found
    return (
        _minute(change.begins_at),
        _minute(change.ends_at),
        each.pair.label,
        change.old,
        change.new,
    )


def _total(each: Mapping[str, Any]) -> tuple[object, ...]:
    open_hours = (f"{each[key]:.1f}" for key in ("hours_open_before", "hours_open_after"))
    return (each["object"], each["changes"], *open_hours, "; ".join(each["notes"]))


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}Z"
