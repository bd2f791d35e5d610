"""`carbon-scaler backtest`: the user's own jobs on his own grid's past, strategies side by side."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from carbon_scaler.application.backtest import Placing, Way
from carbon_scaler.cli.backtest_output import print_outcomes, write_starts
from carbon_scaler.cli.context import prepared
from carbon_scaler.cli.output import JsonFlag, print_json
from carbon_scaler.config.history_file import parse_history_argument
from carbon_scaler.domain.durations import format_duration, parse_duration
from carbon_scaler.domain.intensity import Basis, Factors, Signal
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.wiring.backtest import BacktestAsked, MixAsked
from carbon_scaler.wiring.backtest import backtest as replayed

# With an hour more a value is as old as one may be that decides.
LONGEST_LAG = timedelta(hours=2)
LONGEST_POLL = timedelta(hours=1)
SEED_MIX = "seed"
OWN_FORECAST, NO_FORECAST = "own", "none"


def backtest(
    intensity: Annotated[
        list[str],
        typer.Option(
            help="REGION=FILE[:COLUMN[:RENEWABLE_COLUMN]], a CSV of its past; may be repeated."
        ),
    ],
    jobs: Annotated[Path | None, typer.Option(help="CSV of the jobs that ran.")] = None,
    mix: Annotated[
        str | None, typer.Option(help="Draw jobs instead: `seed` is 10/40/50 % in three classes.")
    ] = None,
    per_month: Annotated[int, typer.Option(min=1, max=1_000_000, help="Jobs drawn a month.")] = (
        2000
    ),
    eu_share: Annotated[
        float, typer.Option(min=0, max=1, help="How many drawn jobs may only run in the EU.")
    ] = 0.3,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same output.")] = 0,
    strategy: Annotated[
        list[str] | None, typer.Option(help="One of those there are; may be repeated. Else all.")
    ] = None,
    forecast: Annotated[
        str,
        typer.Option(help="`own`: what our forecaster would have said at each hour; or `none`."),
    ] = OWN_FORECAST,
    policy: Annotated[
        Path | None, typer.Option(help="The policy directory; else CARBON_SCALER_POLICY_DIR.")
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(help="Whose residency rules hold for the jobs.")
    ] = None,
    place: Annotated[
        Placing, typer.Option(help="Run at home, or in the cleanest region of the last 30 days.")
    ] = Placing.HOME,
    lag: Annotated[str, typer.Option(help="How late a value is known, up to 2h.")] = "0s",
    poll: Annotated[str, typer.Option(help="How often a waiting job is looked at.")] = "60s",
    signal: Annotated[Signal, typer.Option(help="What the files hold.")] = Signal.AVERAGE,
    factors: Annotated[Factors, typer.Option(help="What the files hold.")] = Factors.LIFECYCLE,
    starts_out: Annotated[
        Path | None, typer.Option(help="Write every single start to this CSV file.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Replay jobs on the past of their grids and compare strategies, with nothing seen ahead."""
    settings, _ = prepared(quiet=True)
    ways = _ways(strategy or [], forecast)
    asked = BacktestAsked(
        histories=tuple(map(parse_history_argument, intensity)),
        jobs=_jobs(jobs, mix, per_month, eu_share),
        ways=ways,
        policy=policy or settings.policy_dir,
        basis=Basis(signal=signal, factors=factors),
        tenant=tenant,
        lag=_seconds("--lag", lag, timedelta(0), LONGEST_LAG),
        poll=_seconds("--poll", poll, timedelta(seconds=1), LONGEST_POLL),
        placing=place,
        seed=seed,
    )
    with _progress() as progress:
        found = replayed(asked, progress)
        if starts_out is not None:
            progress(str(starts_out))
            write_starts(starts_out, found)
    if json:
        print_json(found.document)
    else:
        print_outcomes(found.document)


def _jobs(file: Path | None, mix: str | None, per_month: int, eu_share: float) -> Path | MixAsked:
    if (file is None) == (mix is None):
        _refuse("name either --jobs FILE or --mix seed")
    if file is not None:
        return file
    if mix != SEED_MIX:
        _refuse(f"--mix {mix!r} is not allowed; the one there is is {SEED_MIX}")
    return MixAsked(per_month=per_month, eu_share=eu_share)


def _ways(names: list[str], forecast: str) -> tuple[Way, ...]:
    if forecast not in (OWN_FORECAST, NO_FORECAST):
        _refuse(f"--forecast {forecast!r} is not read yet; own or none")
    known = [way.value for way in Way if way is not Way.FORECAST or forecast == OWN_FORECAST]
    for name in names:
        if name not in known:
            _refuse(f"--strategy {name!r} is not allowed; {allowed_names(name, known)}")
    return tuple(dict.fromkeys(map(Way, names or known)))


def _seconds(option: str, text: str, least: timedelta, most: timedelta) -> float:
    duration = parse_duration(text)
    # KEDA's polling interval counts seconds where a plain number here counts minutes.
    if duration is None or text.strip().isdigit() or not least <= duration <= most:
        _refuse(
            f"{option} {text!r} is not allowed; a duration with its unit from "
            f"{format_duration(least)} to {format_duration(most)}, like 30s, 5m or 1h30m"
        )
    return duration.total_seconds()


def _refuse(wrong: str) -> NoReturn:
    raise typer.BadParameter(wrong)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """On stderr, where somebody looks."""
    stderr = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda what: bar.update(task, description=what)
