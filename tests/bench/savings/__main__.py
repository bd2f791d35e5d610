"""`make bench-savings`: what waiting and the choice of a region save on recorded grids."""

import argparse
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from carbon_scaler.application.backtest import Placing
from tests.bench.forecasting.measure import day_ahead
from tests.bench.savings.grids import Grid, traces, zone_files
from tests.bench.savings.measured import measured, placed
from tests.bench.savings.tables import Table
from tests.bench.savings.views import (
    placed_table,
    three_regions,
    years_table,
    zones_table,
)

PER_MONTH = 2000
HEADING = "\n## Tables\n"
MANY = 6  # zones in one file: these have a table of their own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-month", type=int, default=PER_MONTH, help="jobs drawn a month")
    parser.add_argument("--markdown", action="store_true", help="as docs/savings.md shows it")
    parser.add_argument("--page", type=Path, help="put it under the heading Tables of this page")
    parser.add_argument("--zones", type=int, help="only so many zones of each file, for a look")
    wanted = parser.parse_args()
    directory = traces()
    files = {name: grids[: wanted.zones] for name, grids in zone_files(directory).items()}
    tables = _tables(files, wanted.per_month)
    markdown = wanted.markdown or wanted.page is not None
    texts = [table.markdown() if markdown else table.text() for table in tables]
    texts += _day_ahead(directory, markdown=markdown)
    if wanted.page is None:
        print("\n\n".join(texts))
    else:
        put_in_page(wanted.page, "\n\n".join(texts))


def put_in_page(page: Path, tables: str) -> None:
    """In place of the tables that are there."""
    above, heading, _ = page.read_text().partition(HEADING)
    if not heading:
        sys.exit(f"{page} has no line {HEADING.strip()!r}; add it where the tables belong")
    page.write_text(f"{above}{heading}\n{tables}\n")


def _tables(files: dict[str, list[Grid]], per_month: int) -> list[Table]:
    grids = [grid for each in files.values() for grid in each]
    regions = three_regions(grids)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        zones = [pool.submit(measured, grid, per_month) for grid in grids]
        places = {}
        if regions is not None:
            places = {
                placing: pool.submit(placed, regions.histories, regions.inside, placing, per_month)
                for placing in Placing
            }
        _watched([*zones, *places.values()])
        found = [future.result() for future in zones]
        chosen = {placing: future.result() for placing, future in places.items()}
    by_file = {name: [each for each in found if each.source == name] for name in files}
    many = [zones_table(name, each) for name, each in by_file.items() if len(each) >= MANY]
    few = [each for savings in by_file.values() if len(savings) < MANY for each in savings]
    tables = [*many, *([years_table(few)] if few else [])]
    return tables if regions is None else [*tables, placed_table(regions, chosen)]


def _watched(futures: Iterable) -> None:
    waiting = list(futures)
    for number, future in enumerate(as_completed(waiting), start=1):
        future.result()
        print(f"\r{number} of {len(waiting)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def _day_ahead(directory: Path | None, *, markdown: bool) -> list[str]:
    if directory is None or not any(directory.glob("dacf_*_2020-2021.csv")):
        return []
    said = StringIO()
    with redirect_stdout(said):
        day_ahead(directory)
    title = "A day ahead, July to December 2021, without weather"
    text = said.getvalue().rstrip()
    return [f"### {title}\n\n```\n{text}\n```" if markdown else f"{title}\n{text}"]


if __name__ == "__main__":
    main()
