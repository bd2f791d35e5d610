"""An explanation drawn for people."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from carbon_scaler.application.explain import plain
from carbon_scaler.domain.durations import format_duration

COLOURS = {"open": "green", "closed": "yellow"}
MARKS = {
    "passed": "[dim]·[/]",
    "open": "[green]✓[/]",
    "released": "[green]✓[/]",
    "limited": "[yellow]~[/]",
}
STOP = "[red]✗[/]"

Document = Mapping[str, Any]


def explanation_tree(document: Document) -> Tree:
    """The verdict and why; then until when, what would change it, and what it was made from."""
    verdict = _text(document["verdict"])
    head = f"[bold {COLOURS.get(verdict, 'red')}]{verdict}[/] ({_text(document['reason'])})"
    tree = Tree(f"{head}: {_text(document['why'])}")
    for branch in (
        _record,
        _outlook,
        _rules,
        _grid,
        _backlog,
        _law,
        _place,
        _regions,
        _budget,
        _settings,
        _keda,
        _warnings,
        _manifest,
    ):
        branch(tree, document)
    return tree


def _record(tree: Tree, document: Document) -> None:
    if record := document.get("recorded"):
        tree.add(f"answered at {_text(record['decided_at'])} by {_text(record['answered_by'])}")


def _outlook(tree: Tree, document: Document) -> None:
    if document["until"] is not None:
        tree.add(f"[bold]until[/] {_text(document['until'])}, as far as is known now")
    elif document["changes_at"] is not None:
        tree.add(f"decided anew at {_text(document['changes_at'])}, or when data change")
    _add(
        tree,
        "what would change it",
        (
            f"{_text(each['at']) + ': ' if each['at'] else ''}{_text(each['what'])} "
            f"→ {_text(each['then'])}"
            for each in document["would_change"]
        ),
    )
    if saving := document["saving"]:
        tree.add(
            f"a start below the limit saves at least {saving['grams_per_job_at_least']:g} g "
            f"({saving['percent_at_least']:g} %) of a job of {saving['job_energy_kwh']:g} kWh"
        )
    _planned(tree, document["planned"])


def _planned(tree: Tree, planned: Document | None) -> None:
    if planned is None or planned["forecast"] is None:
        return
    forecast = planned["forecast"]
    off = (
        ""
        if forecast["error_percent"] is None
        else f", lately {forecast['error_percent']:.3g} % off"
    )
    branch = tree.add(
        f"[bold]forecast[/] {_text(forecast['model'])}, issued {_text(forecast['issued_at'])}{off}"
    )
    if start := planned["start"]:
        branch.add(
            f"best later start {_text(start['starts_at'])}: {start['grams_per_kwh']:g} g/kWh "
            f"(8 of 10 between {start['lower']:g} and {start['upper']:g}), "
            f"now {start['now_grams_per_kwh']:g}"
        )
        branch.add(
            f"waiting for it is expected to save {start['saving_percent']:g} %, "
            f"{start['saving_grams_per_job']:g} g of a job of {start['job_energy_kwh']:g} kWh"
        )


def _rules(tree: Tree, document: Document) -> None:
    _add(
        tree,
        "rules",
        (
            f"{MARKS.get(_text(rule['outcome']), STOP)} {_text(rule['rule'])} "
            f"[bold]{_text(rule['outcome'])}[/]: {_text(rule['text'])}"
            for rule in document["rules"]
        ),
    )


def _grid(tree: Tree, document: Document) -> None:
    if (grid := document["intensity"]) is None:
        return
    age = format_duration(timedelta(seconds=round(grid["age_seconds"])))
    branch = tree.add(
        f"[bold]grid[/] {grid['grams_per_kwh']:g} g/kWh ({_text(grid['signal'])}, "
        f"{_text(grid['factors'])}), {_text(grid['kind'])}, from {_text(grid['source'])}"
    )
    branch.add(f"of {_text(grid['observed_at'])}, {age} old" + _unusable(grid))
    share = grid["renewable_percent"]
    branch.add("renewable share unknown" if share is None else f"{share:g} % renewable")
    expected = {True: "as expected there", False: "fewer renewables than expected there"}
    remark = expected.get(grid["renewables_as_expected"])
    branch.add(f"band {_text(grid['band'])}" + (f", {remark}" if remark else ""))
    for key, value in (grid.get("provenance") or {}).items():
        if value is not None:
            branch.add(f"{key}: {_text(value)}")


def _unusable(grid: Document) -> str:
    return "" if grid["usable"] else ", decides nothing"


def _backlog(tree: Tree, document: Document) -> None:
    if backlog := document["backlog"]:
        tree.add(
            f"[bold]backlog[/] {_text(backlog['name'])}: {backlog['waiting']} waiting, "
            f"{backlog['in_progress']} in progress, {backlog['released']} must start, "
            f"{backlog['overdue']} overdue"
        )


def _law(tree: Tree, document: Document) -> None:
    if law := document["residency"]:
        elsewhere = f", enforced {law['enforced_region']}" if law["enforced_region"] else ""
        tree.add(
            f"[bold]residency[/] tenant {_text(law['tenant'])} ({_text(law['origin'])}), "
            f"{_text(law['level'])} {_text(law['mode'])}: {_text(law['outcome'])} in "
            f"{_text(law['region'])}{_text(elsewhere)}"
        )
    if hint := document["carbon_hint"]:
        tree.add(
            f"[bold]cleaner[/] {_text(hint['suggested_region'])}: "
            f"{hint['suggested_grams_per_kwh']:g} instead of {hint['current_grams_per_kwh']:g} "
            f"g/kWh, {hint['savings_percent']:g} % less; {_text(hint['reason'])}"
        )


def _place(tree: Tree, document: Document) -> None:
    if not (place := document.get("place")):
        return
    branch = tree.add(
        f"[bold]place[/] {_text(place['work'])} runs in {_text(place['place'])}: "
        f"{_text(place['why'])}"
    )
    branch.add("what others leave is started by " + _text(", then ".join(place["ladder"])))
    for each in place["regions"]:
        branch.add(f"{_text(each['region'])}: {_text(_counts(each))}")


def _counts(region: Document) -> str:
    said = region["left_out"] or f"{region['grams_per_kwh']:g} g/kWh, counts {region['score']:.3g}"
    barred = "" if region["permitted"] else ", not permitted"
    return f"{said}{barred}{'' if region['live'] else ', nobody asks there'}"


def _regions(tree: Tree, document: Document) -> None:
    _add(tree, "regions", (_region(row) for row in document["regions_compared"]))


def _region(row: Document) -> str:
    if row["grams_per_kwh"] is None:
        figures = "intensity unknown"
    else:
        figures = (
            f"{row['grams_per_kwh']:g} g/kWh, {row['emissions_grams']:g} g at "
            f"{row['energy_kwh']:g} kWh, +{row['penalty_grams']:g} g"
        )
    lawful = "lawful" if row["lawful"] else "[red]not lawful[/]"
    return f"{_text(row['region'])}: {figures}, {lawful}{', chosen' if row['chosen'] else ''}"


def _budget(tree: Tree, document: Document) -> None:
    if budget := document["budget"]:
        figures = ", ".join(
            f"{key} {_text(value)}"
            for key, value in budget.items()
            if key not in ("outcome", "reason") and value is not None
        )
        tree.add(f"[bold]budget[/] {_text(budget['outcome'])}: {figures}")


def _settings(tree: Tree, document: Document) -> None:
    origins: dict[str, list[str]] = {}
    for key, setting in document["settings"].items():
        if setting["value"] is not None:
            said = f"{key} {_text(setting['value'])}"
            origins.setdefault(str(setting["origin"]), []).append(said)
    lines = (f"from {_text(origin)}: {', '.join(said)}" for origin, said in origins.items())
    _add(tree, "settings", lines)


def _keda(tree: Tree, document: Document) -> None:
    answer = tree.add(
        f"[bold]KEDA gets[/] value {document['metric_value']:g}, target {document['target']:g}, "
        f"{'active' if document['active'] else 'inactive'}"
    )
    if document["keda"] is not None:
        answer.add(_text(document["keda"]["says"]))


def _warnings(tree: Tree, document: Document) -> None:
    for warning in document["warnings"]:
        tree.add(f"[yellow]warning[/] {_text(warning)}")


def _manifest(tree: Tree, document: Document) -> None:
    if "manifest" not in document:
        return
    if not document["manifest"]:
        tree.add("[bold]manifest[/] nothing found")
    colours = {"error": "red", "warning": "yellow"}
    _add(
        tree,
        "manifest",
        (
            f"[{colours[severity]}]{severity}[/] {_text(each['key'])}: {_text(each['text'])}"
            for each in document["manifest"]
            for severity in (_text(each["severity"]),)
        ),
    )


def _add(tree: Tree, title: str, lines: Iterable[str]) -> None:
    """A branch with these leaves; none without any."""
    if leaves := tuple(lines):
        branch = tree.add(f"[bold]{title}[/]")
        for leaf in leaves:
            branch.add(leaf)


def _text(value: object) -> str:
    match value:
        case bool():
            told = str(value).lower()
        case int() | float():
            told = f"{value:g}"
        case _:
            told = str(plain(value))
    return escape(told)
