"""`carbon-scaler backtest`: the user's own jobs on his own grid's past, strategies side by side."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from carbon_scaler.application.backtest import Placing, Way
from carbon_scaler.cli.backtest_chart import write_chart
from carbon_scaler.cli.backtest_output import print_outcomes, write_figures, write_starts
from carbon_scaler.cli.context import prepared
from carbon_scaler.cli.output import JsonFlag, print_json
from carbon_scaler.config.history_file import parse_history_argument
from carbon_scaler.domain.durations import format_duration, parse_duration
from carbon_scaler.domain.intensity import Basis, Factors, Signal
from carbon_scaler.domain.policy import DEFAULT_CLASS, DEFAULT_SPREAD, LONGEST_SPREAD
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.wiring.backtest import BacktestAsked, MixAsked
from carbon_scaler.wiring.backtest import backtest as replayed
from carbon_scaler.wiring.backtest_forecasts import (
    OWN,
    ForecastsAsked,
    parse_forecast_arguments,
)
from carbon_scaler.wiring.backtest_inputs import QUERY_ENDING, JobsAsked

# With an hour more a value is as old as one may be that decides.
LONGEST_LAG = timedelta(hours=2)
LONGEST_POLL = timedelta(hours=1)
SEED_MIX = "seed"


def backtest(
    intensity: Annotated[
        list[str],
        typer.Option(
            help="REGION=FILE[:COLUMN[:RENEWABLE_COLUMN]], a CSV of its past, or "
            "REGION=database[:SINCE]; may be repeated."
        ),
    ],
    jobs: Annotated[
        Path | None,
        typer.Option(
            help="The jobs that ran: a CSV, FILE.json of kubectl get jobs -A -o json, or FILE.sql "
            "with a query."
        ),
    ] = None,
    jobs_database: Annotated[
        str | None,
        typer.Option(
            metavar="VARIABLE",
            help="The environment variable with the URL that FILE.sql asks; else DATABASE_URL.",
        ),
    ] = None,
    job_class: Annotated[
        str, typer.Option(help="The class of jobs that name none.")
    ] = DEFAULT_CLASS,
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
        list[str] | None,
        typer.Option(
            help="`own`: what our forecaster would have said at each hour; `none`; or REGION=FILE, "
            "a CSV of what was said of it; may be repeated."
        ),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="The policy directory; else CARBON_SCALER_POLICY_DIR.")
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(help="Whose residency rules hold for the jobs.")
    ] = None,
    place: Annotated[
        Placing,
        typer.Option(
            help="Run at home, in the cleanest region of the last 30 days, or plan the place too."
        ),
    ] = Placing.HOME,
    lag: Annotated[str, typer.Option(help="How late a value is known, up to 2h.")] = "0s",
    poll: Annotated[str, typer.Option(help="How often a waiting job is looked at.")] = "60s",
    spread: Annotated[
        str, typer.Option(help="Over how long starts are spread when a gate opens, up to 1h.")
    ] = format_duration(DEFAULT_SPREAD),
    signal: Annotated[Signal, typer.Option(help="What the files hold.")] = Signal.AVERAGE,
    factors: Annotated[Factors, typer.Option(help="What the files hold.")] = Factors.LIFECYCLE,
    starts_out: Annotated[
        Path | None, typer.Option(help="Write every single start to this CSV file.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write the figures, also by class and region, as CSV.")
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="Draw the figures as this SVG file.")] = None,
    json: JsonFlag = False,
) -> None:
    """Replay jobs on the past of their grids and compare strategies, with nothing seen ahead."""
    settings, environment = prepared(quiet=True)
    forecasts = parse_forecast_arguments(forecast or [OWN])
    ways = _ways(strategy or [], forecasts)
    asked = BacktestAsked(
        settings=settings,
        histories=tuple(map(parse_history_argument, intensity)),
        jobs=_mix(mix, per_month, eu_share)
        if jobs is None
        else _jobs(jobs, mix, jobs_database, environment),
        job_class=job_class,
        ways=ways,
        policy=policy or settings.policy_dir,
        basis=Basis(signal=signal, factors=factors),
        tenant=tenant,
        lag=_seconds("--lag", lag, timedelta(0), LONGEST_LAG),
        poll=_seconds("--poll", poll, timedelta(seconds=1), LONGEST_POLL),
        spread=_seconds("--spread", spread, timedelta(0), LONGEST_SPREAD),
        placing=place,
        forecasts=forecasts,
        seed=seed,
    )
    with shown_progress() as progress:
        found = replayed(asked, progress)
        progress("files")
        if starts_out is not None:
            write_starts(starts_out, found)
        if csv is not None:
            write_figures(csv, found.document)
        if chart is not None:
            write_chart(chart, found)
    if json:
        print_json(found.document)
    else:
        print_outcomes(found.document)


def _jobs(
    file: Path, mix: str | None, variable: str | None, environment: Mapping[str, str]
) -> JobsAsked:
    if mix is not None:
        _refuse("name either --jobs FILE or --mix seed")
    if variable is None:
        return JobsAsked(file=file)
    if file.suffix.lower() != QUERY_ENDING:
        _refuse(f"--jobs-database asks a query; name one with --jobs FILE{QUERY_ENDING}")
    if not environment.get(variable):
        _refuse(f"--jobs-database: the environment has no {variable}; it holds the URL to ask")
    return JobsAsked(file=file, variable=variable, url=environment[variable])


def _mix(mix: str | None, per_month: int, eu_share: float) -> MixAsked:
    if mix is None:
        _refuse("name either --jobs FILE or --mix seed")
    if mix != SEED_MIX:
        _refuse(f"--mix {mix!r} is not allowed; the one there is is {SEED_MIX}")
    return MixAsked(per_month=per_month, eu_share=eu_share)


def _ways(names: list[str], forecasts: ForecastsAsked) -> tuple[Way, ...]:
    known = [way.value for way in Way if way is not Way.FORECAST or forecasts.own]
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
def shown_progress() -> Iterator[Callable[[str], None]]:
    """What is being done, on stderr, where somebody looks."""
    stderr = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda what: bar.update(task, description=what)
