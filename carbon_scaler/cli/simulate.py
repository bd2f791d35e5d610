"""`carbon-scaler simulate`: a demonstration's month, and the same jobs on real grids."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from carbon_scaler.application.backtest import Way
from carbon_scaler.application.simulate import STRATEGIES, Baseline
from carbon_scaler.cli.context import prepared
from carbon_scaler.cli.output import JsonFlag, print_json
from carbon_scaler.cli.simulate_output import print_simulation, write_figures
from carbon_scaler.config.history_file import (
    HistoryArgumentError,
    HistoryFile,
    parse_history_argument,
)
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.simulation.exact_mix import PERCENT, ExactMix
from carbon_scaler.simulation.mix import CLASSES
from carbon_scaler.wiring.simulate import SimulationAsked, simulation

MOST_DAYS, MOST_JOBS, MOST_KWH = 3650, 1_000_000, 1000.0


def simulate(
    days: Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="In which jobs come.")] = 30,
    jobs: Annotated[int, typer.Option(min=1, max=MOST_JOBS, help="How many in all.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same output.")] = 42,
    eu_share: Annotated[
        float, typer.Option(min=0, max=1, help="How many jobs may only run in the EU.")
    ] = 0.3,
    mix: Annotated[
        str, typer.Option(help="Percent of urgent, standard and deferrable jobs.")
    ] = "10,40,50",
    energy: Annotated[
        str, typer.Option(help="kWh of an urgent and of a deferrable job; standard is between.")
    ] = "0.1,0.5",
    strategy: Annotated[
        str, typer.Option(help="What is set beside the baseline: threshold, quantile or forecast.")
    ] = Way.FORECAST.value,
    baseline: Annotated[
        Baseline, typer.Option(help="What a saving is measured against.")
    ] = Baseline.RUN_NOW,
    from_history: Annotated[
        list[str] | None,
        typer.Option(
            help="In place of the shipped year: a directory of REGION.csv, or "
            "REGION=FILE[:COLUMN]; may be repeated."
        ),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="The policy directory; else CARBON_SCALER_POLICY_DIR.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write all figures to this CSV file.")] = None,
    json: JsonFlag = False,
) -> None:
    """Simulate a month of jobs on invented series, and the same jobs on real grids beside it."""
    settings, _ = prepared(quiet=True)
    if csv is not None and not csv.parent.is_dir():
        _refuse(f"--csv: {csv.parent} is no directory; name a file in one that is there")
    least_kwh, most_kwh = _energy(energy)
    asked = SimulationAsked(
        mix=ExactMix(
            days=days,
            jobs=jobs,
            shares=_shares(mix),
            eu_share=eu_share,
            least_kwh=least_kwh,
            most_kwh=most_kwh,
            seed=seed,
        ),
        strategy=_strategy(strategy),
        baseline=baseline,
        policy=policy or settings.policy_dir,
        histories=tuple(file for text in from_history or () for file in _histories(text)),
    )
    stderr = Console(stderr=True)
    with stderr.status("reading") as status:
        document = simulation(asked, status.update)
    if csv is not None:
        write_figures(csv, document)
    if json:
        print_json(document)
    else:
        print_simulation(document)


def _shares(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    shares = tuple(int(part) for part in parts if part.isascii() and part.isdigit())
    if len(shares) != len(parts) or len(shares) != len(CLASSES) or sum(shares) != PERCENT:
        _refuse(
            f"--mix {text!r} is not allowed; whole percents of {', '.join(CLASSES)} jobs that add "
            "up to 100, like 10,40,50"
        )
    return shares


def _energy(text: str) -> tuple[float, float]:
    try:
        least, most = map(float, text.split(","))
    except ValueError:
        least, most = 0.0, 0.0
    if not 0 < least <= most <= MOST_KWH:
        _refuse(
            f"--energy {text!r} is not allowed; two numbers of kWh above 0 and up to "
            f"{MOST_KWH:g}, the smaller first, like 0.1,0.5"
        )
    return least, most


def _strategy(name: str) -> Way:
    known = [way.value for way in STRATEGIES]
    if name not in known:
        _refuse(f"--strategy {name!r} is not allowed; {allowed_names(name, known)}")
    return Way(name)


def _histories(text: str) -> list[HistoryFile]:
    """One file, or every `REGION.csv` of a directory."""
    directory = Path(text)
    if directory.is_dir():
        files = [HistoryFile(region=file.stem, file=file) for file in directory.glob("*.csv")]
    else:
        files = _history(text)
    if not files:
        _refuse(
            f"--from-history {text!r} is not allowed; name a directory with files like "
            "eu-west-1.csv, or REGION=FILE[:COLUMN], like eu-west-1=ireland.csv:grams"
        )
    return sorted(files, key=lambda file: file.region)


def _history(text: str) -> list[HistoryFile]:
    try:
        found = parse_history_argument(text)
    except HistoryArgumentError:
        # It speaks of another option.
        return []
    return [found] if isinstance(found, HistoryFile) else []


def _refuse(wrong: str) -> NoReturn:
    raise typer.BadParameter(wrong)
