"""`python -m tests.bench.forecasting.measure FIGURE`: how good the forecaster is on the traces, with
coefficients that were learned before the months it is judged on."""

import argparse
import resource
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from carbon_scaler.forecasting.accuracy import targets_of
from carbon_scaler.forecasting.hindcast import hindcast
from carbon_scaler.forecasting.hours import DAY, Column, HourlyHistory, hour_of, instant_of
from carbon_scaler.forecasting.intervals import ERROR_HOURS, alike, bounds, equally_told
from carbon_scaler.forecasting.levels import NO_LEVELS
from carbon_scaler.forecasting.profiles import profile_offset, yesterday
from carbon_scaler.forecasting.provider import ProviderIssue
from carbon_scaler.forecasting.regression import Priors
from carbon_scaler.forecasting.weather import NO_WEATHER, Weather, WeatherForecast
from carbon_scaler.forecasting.zone import ZoneForecaster
from tests.bench.forecasting.learn import teachers
from tests.bench.forecasting.learning import learned, pooled
from tests.bench.forecasting.saving import saved
from tests.bench.forecasting.traces import WIDE, histories, traces_directory, weather_forecasts

JUDGED_FROM = datetime(2021, 7, 1, tzinfo=UTC)
LAST_HOUR = 23
WARM = 193
FIGURES = ("day-ahead", "weather", "weather-waiting", "provider", "saving")


def day_ahead(directory: Path, *, with_weather: bool = False, hour: int = LAST_HOUR) -> None:
    """July to December 2021, issued daily (at 23:00 for the next day), learned on what was before."""
    begins = hour_of(JUDGED_FROM)
    before = [h.until(begins) for h in teachers(directory)]
    priors = learned(pooled(before, DAY))
    print(f"{'zone':8}{'MAPE %':>8}{'offset':>8}{'yesterday':>10}{'covered %':>10}{'width %':>8}")
    rows = []
    for file in sorted(directory.glob("dacf_*_2020-2021.csv")):
        weather = weather_forecasts(file) if with_weather else []
        for _, history in histories(file):
            first = begins - 1 + (hour - LAST_HOUR) % DAY - history.first
            rows.append(_judged(history, priors, first, weather))
            print(f"{file.name.split('_')[1]:8}" + _line(rows[-1]))
    print(f"{'mean':8}" + _line(list(np.mean(rows, axis=0))))


def waiting(directory: Path) -> None:
    """What a planner that looks again each hour saves in the same months, without and with it."""
    begins = hour_of(JUDGED_FROM)
    priors = learned(pooled([h.until(begins) for h in teachers(directory)], DAY))
    shares = []
    print(f"{'zone':8}{'share %':>8}{'with weather':>14}")
    for file in sorted(directory.glob("dacf_*_2020-2021.csv")):
        for _, history in histories(file):
            made = (hindcast(history, priors, weather=w) for w in ((), weather_forecasts(file)))
            seen = [_seen(history.grams, cast.paths, 0) for cast in made]
            since = begins - history.first
            shares.append([100 * saved(history.grams, path, since).share for path in seen])
            print(f"{file.name.split('_')[1]:8}{shares[-1][0]:8.1f}{shares[-1][1]:14.1f}")
    print(f"{'mean':8}{{:8.1f}}{{:14.1f}}".format(*np.mean(shares, axis=0)))


def _line(row: list[float]) -> str:
    return "{:8.2f}{:8.2f}{:10.2f}{:10.1f}{:8.1f}".format(*row)


def _judged(
    history: HourlyHistory, priors: Priors, first: int, weather: list[WeatherForecast]
) -> list[float]:
    paths = hindcast(history, priors, weather=weather).paths
    grams, levels = history.grams, NO_LEVELS.continued(history.grams)
    origins = np.arange(first, len(grams) - DAY, DAY)
    came = targets_of(grams, origins, DAY)
    rivals = (
        paths[origins],
        profile_offset(grams, levels, origins, priors.fading),
        yesterday(grams, origins, DAY),
    )
    covered, width = _coverage(history, paths, origins, priors, weather=NO_WEATHER.joined(weather))
    return [*(_mape(made, came) for made in rivals), covered, width]


def _mape(paths: Column, came: Column) -> float:
    return float(100 * np.nanmean(np.abs(came - paths) / came))


def _coverage(
    history: HourlyHistory, paths: Column, origins: Column, priors: Priors, *, weather: Weather
) -> tuple[float, float]:
    hits, widths = [], []
    scale = NO_LEVELS.continued(history.grams).scale
    for origin in origins:
        past = alike(np.arange(max(0, origin - ERROR_HOURS), origin), origin)
        known = targets_of(history.grams[: origin + 1], past, DAY)
        errors = (known - paths[past]) / scale[past, None]
        if weather:
            told = weather.is_known(history.first + np.append(past, origin), DAY)
            errors = equally_told(errors, told)
        lower, upper = bounds(paths[origin], float(scale[origin]), errors, priors)
        came = history.grams[origin + 1 : origin + 1 + DAY]
        hits.append((came >= lower) & (came <= upper))
        widths.append(upper - lower)
    return float(100 * np.mean(hits)), float(100 * np.mean(widths) / np.mean(history.grams))


def provider(directory: Path) -> None:
    """The same days with the forecasts that DACF published for them, one a day, blended in."""
    begins = hour_of(JUDGED_FROM)
    priors = learned(pooled([h.until(begins) for h in teachers(directory)], DAY))
    rows = []
    print(f"{'zone':8}{'own':>8}{'DACF':>8}{'blended':>10}{'covered %':>10}{'width %':>8}")
    for file in sorted(directory.glob("dacf_*_2020-2021.csv")):
        (_, history), (_, published) = histories(file, ("ci_direct", "dacf_forecast"))
        rows.append(_with_provider(history, published.grams, priors, begins))
        print(f"{file.name.split('_')[1]:8}" + _line(rows[-1]))
    print(f"{'mean':8}" + _line(list(np.mean(rows, axis=0))))


def _with_provider(
    history: HourlyHistory, published: Column, priors: Priors, begins: int
) -> list[float]:
    forecaster, issues, rows = ZoneForecaster(priors), [], []
    for day in range(begins, history.end - DAY, DAY):
        row = day - history.first
        said, came = published[row : row + DAY], history.grams[row : row + DAY]
        issues.append(ProviderIssue(issued=day - 1, first=day, grams=said))
        forecaster.learn(history.until(day))
        own, mixed = (forecaster.issue(instant_of(day - 1), known) for known in ((), issues))
        assert own is not None
        assert mixed is not None
        errors = [100 * np.nanmean(np.abs(came - f) / came) for f in (own.grams, said, mixed.grams)]
        covered = 100 * np.mean((came >= mixed.lower) & (came <= mixed.upper))
        width = 100 * np.mean(mixed.upper - mixed.lower) / np.mean(history.grams)
        rows.append([*errors, covered, width])
    return list(np.mean(rows, axis=0))


def _seen(grams: Column, paths: Column, lag: int) -> Column:
    """The measured present and the path from it; or the path alone, where values are late."""
    if not lag:
        return np.concatenate([grams[:, None], paths], axis=1)
    late = np.full((len(grams), paths.shape[1] - lag + 1), np.nan)
    late[lag:] = paths[:-lag, lag - 1 :]
    return late


def saving(directory: Path, lag: int = 0) -> None:
    """Share of the oracle's saving over the zones of 2022, learned on 2020 and 2021."""
    began = time.process_time()
    priors = learned(pooled(teachers(directory), DAY + lag))
    print(f"learned in {time.process_time() - began:.1f} s")
    shares, savings, possible, seconds = [], [], [], []
    for zone, history in histories(directory / WIDE):
        began = time.process_time()
        paths = hindcast(history, priors).paths
        seconds.append(time.process_time() - began)
        result = saved(history.grams, _seen(history.grams, paths, lag), WARM)
        shares.append(result.share)
        savings.append(result.saving)
        possible.append(result.possible)
        print(f"{zone:14}{100 * result.saving:7.2f}{100 * result.possible:7.2f}{result.share:7.3f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"mean of shares {100 * np.nanmean(shares):.2f} %, "
        f"mean saving {100 * np.mean(savings):.2f} of {100 * np.mean(possible):.2f} %, "
        f"that is {100 * np.mean(savings) / np.mean(possible):.2f} %; least {min(savings):.4f}; "
        f"{np.mean(seconds):.2f} s a zone-year, {peak:.0f} MiB at most"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figure", choices=FIGURES)
    parser.add_argument("--lag", type=int, default=0, help="hours that values are late")
    parser.add_argument("--hour", type=int, default=LAST_HOUR, help="of day (UTC) of the issue")
    wanted = parser.parse_args()
    directory = traces_directory()
    if wanted.figure in {"day-ahead", "weather"}:
        day_ahead(directory, with_weather=wanted.figure == "weather", hour=wanted.hour)
    elif wanted.figure == "weather-waiting":
        waiting(directory)
    elif wanted.figure == "provider":
        provider(directory)
    else:
        saving(directory, wanted.lag)


if __name__ == "__main__":
    main()
