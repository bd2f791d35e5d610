"""`carbon-scaler override`: hold work back, or let it go, whatever the rules say."""

import getpass
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.override_request import (
    OverrideRefusedError,
    OverrideRequest,
    check_request,
)
from carbon_scaler.cli.context import prepared, run_loop
from carbon_scaler.cli.output import JsonFlag, print_json, print_table
from carbon_scaler.config.settings import Settings
from carbon_scaler.domain.durations import DURATION_FORMS, parse_duration
from carbon_scaler.domain.override import Override, OverrideAction
from carbon_scaler.domain.regions import split_region
from carbon_scaler.storage.overrides import KeptOverride, PostgresOverrides
from carbon_scaler.wiring.overrides import doubt_about, opened_overrides

T = TypeVar("T")

LARGEST_ID = 2**63 - 1
NO_DEADLINE_OPENS = (
    "nothing of it starts while this holds, not even what is due: deadlines do not open a hold"
)

app = typer.Typer(
    help="An operator's word on one object, class or region, above every rule but residency.",
    no_args_is_help=True,
)

ScaledObject = Annotated[
    str | None,
    typer.Option("--object", metavar="NAMESPACE/NAME", help="One ScaledObject or ScaledJob."),
]
WorkloadClass = Annotated[
    str | None, typer.Option("--class", metavar="NAME", help="All work of this class.")
]
Region = Annotated[
    str | None, typer.Option("--region", metavar="NAME", help="All work in this cloud region.")
]
Until = Annotated[
    str | None,
    typer.Option("--until", help="An instant with its offset, like 2026-03-01T12:00Z."),
]
For = Annotated[
    str | None, typer.Option("--for", help="Instead of --until: a duration from now, like 2h.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; shown in every explanation.")]
By = Annotated[
    str | None, typer.Option("--by", help="Who says so; the user of this machine if left out.")
]


@app.command("hold")
def hold(
    reason: Reason,
    scaled_object: ScaledObject = None,
    workload_class: WorkloadClass = None,
    region: Region = None,
    until: Until = None,
    duration: For = None,
    by: By = None,
    json: JsonFlag = False,
) -> None:
    """Start nothing of it until then, on all servers; deadlines do not open a hold."""
    _state(
        OverrideAction.HOLD,
        subject=(scaled_object, workload_class, region),
        end=(until, duration),
        reason=reason,
        by=by,
        json=json,
    )
    _warn(NO_DEADLINE_OPENS)


@app.command("release")
def release(
    reason: Reason,
    scaled_object: ScaledObject = None,
    workload_class: WorkloadClass = None,
    region: Region = None,
    until: Until = None,
    duration: For = None,
    by: By = None,
    json: JsonFlag = False,
) -> None:
    """Let all of it start until then, on all servers; residency still forbids what it forbids."""
    _state(
        OverrideAction.RELEASE,
        subject=(scaled_object, workload_class, region),
        end=(until, duration),
        reason=reason,
        by=by,
        json=json,
    )


@app.command("list")
def list_overrides(
    past: Annotated[
        bool, typer.Option("--all", help="Also those that are over, up to 1000 in all.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """List what is in force, the newest first."""
    settings, _ = prepared(quiet=True)
    now = SystemClock().now()
    found = run_loop(_with_overrides(settings, lambda kept: kept.listed(now, past=past)))
    if json:
        print_json({"overrides": [_document(each, now) for each in found]})
    else:
        print_table(
            ("id", "state", "action", "subject", "until", "by", "reason"),
            (_row(each, now) for each in found),
        )


@app.command("end")
def end(
    override_id: Annotated[
        int, typer.Argument(metavar="ID", min=1, max=LARGEST_ID, help="As `list` shows it.")
    ],
    by: By = None,
    json: JsonFlag = False,
) -> None:
    """End an override before its time, on all servers."""
    settings, _ = prepared(quiet=True)
    who = _operator(by)
    ended = run_loop(_with_overrides(settings, lambda kept: kept.end(override_id, who)))
    if ended is None:
        raise OverrideRefusedError(
            f"override {override_id} is not in force; `carbon-scaler override list` shows those "
            "that are"
        )
    if json:
        print_json(_told(ended))
    else:
        typer.echo(f"override {ended.id} is ended: {_sentence(ended)}")


def _state(
    action: OverrideAction,
    *,
    subject: tuple[str | None, str | None, str | None],
    end: tuple[str | None, str | None],
    reason: str,
    by: str | None,
    json: bool,
) -> None:
    scaled_object, workload_class, region = subject
    request = OverrideRequest(
        action=action,
        until=_end(*end),
        reason=reason.strip(),
        by=_operator(by),
        scaled_object=_scaled_object(scaled_object),
        workload_class=workload_class,
        region=_region(region),
    )
    check_request(request, SystemClock().now())
    settings, _ = prepared(quiet=True)
    stated = run_loop(_with_overrides(settings, lambda kept: kept.add(request)))
    if json:
        print_json(_told(stated))
    else:
        typer.echo(f"override {stated.id}: {_sentence(stated)}")
    if doubt := doubt_about(request, settings):
        _warn(f"{doubt}; if that is a slip, end override {stated.id}")


def _warn(text: str) -> None:
    typer.echo(f"carbon-scaler: {text}", err=True)


async def _with_overrides(
    settings: Settings, ask: Callable[[PostgresOverrides], Awaitable[T]]
) -> T:
    async with opened_overrides(settings) as kept:
        return await ask(kept)


def _operator(by: str | None) -> str:
    if by is not None:
        return by.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise OverrideRefusedError("this machine does not say who you are; add --by NAME") from None


def _scaled_object(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise OverrideRefusedError(f"--object {text!r} is no object; write NAMESPACE/NAME")
    return namespace, name


def _region(text: str | None) -> str | None:
    return None if text is None else split_region(text)[1]


def _end(until: str | None, duration: str | None) -> datetime:
    if until is not None and duration is None:
        return _instant(until)
    if duration is not None and until is None:
        lasts = parse_duration(duration)
        if lasts is None:
            raise OverrideRefusedError(
                f"--for {duration!r} is no duration of up to a year; write it like {DURATION_FORMS}"
            )
        return SystemClock().now() + lasts
    raise OverrideRefusedError("say until when, with one of --until INSTANT and --for DURATION")


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise OverrideRefusedError(
            f"--until {text!r} is no instant with its offset; write it like 2026-03-01T12:00Z"
        )
    return instant.astimezone(UTC)


def _told(override: Override) -> dict[str, Any]:
    namespace, name = override.scaled_object or (None, None)
    return {
        "id": override.id,
        "action": override.action,
        "namespace": namespace,
        "name": name,
        "workload_class": override.workload_class,
        "region": override.region,
        "until": override.until,
        "reason": override.reason,
        "by": override.by,
        "created_at": override.created_at,
    }


def _document(kept: KeptOverride, now: datetime) -> dict[str, Any]:
    return {
        **_told(kept.override),
        "state": kept.state(now),
        "ended_at": kept.ended_at,
        "ended_by": kept.ended_by,
    }


def _row(kept: KeptOverride, now: datetime) -> tuple[object, ...]:
    override = kept.override
    state = kept.state(now)
    return (
        override.id,
        f"{state} by {kept.ended_by}" if kept.ended_by else state,
        override.action,
        override.subject,
        f"{override.until:%Y-%m-%d %H:%MZ}",
        override.by,
        override.reason,
    )


def _sentence(override: Override) -> str:
    done = "holds" if override.action is OverrideAction.HOLD else "releases"
    return (
        f"{override.by} {done} {override.subject} until {override.until:%Y-%m-%dT%H:%M:%SZ}: "
        f"{override.reason}"
    )
