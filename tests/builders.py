"""Cases for tests: name what matters, the rest has a default."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from carbon_scaler.decisions import windows as window_rule
from carbon_scaler.decisions.case import Case, Inputs
from carbon_scaler.decisions.resolve import Surroundings
from carbon_scaler.decisions.timeline import timeline as timeline_of
from carbon_scaler.domain.backlog import BacklogReading, Item, Items
from carbon_scaler.domain.budget import Budget, BudgetUse
from carbon_scaler.domain.intensity import Basis, Kind, Reading, RenewableShare
from carbon_scaler.domain.override import Override, OverrideAction
from carbon_scaler.domain.policy import BUILT_IN_POLICY, SETTING_NAMES, Settings
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan, Trigger
from carbon_scaler.domain.windows import TimeWindow, WindowEffect

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOME = "us-west-1"

# A renewable share in percent: exact, as bounds, or None where the mix is unknown.
Share = float | tuple[float, float] | None


def a_trigger(**stated: object) -> Trigger:
    said: dict[str, Any] = {"namespace": "batch", "name": "embeddings", **stated}
    return Trigger(**said)


def some_settings(workload_class: str = "standard", **stated: object) -> Settings:
    layers = (BUILT_IN_POLICY.defaults, BUILT_IN_POLICY.classes[workload_class].stated)
    values: dict[str, Any] = {"min_renewable_percent": None, "release": 5 * MINUTE}
    for layer in layers:
        said = {name: getattr(layer, name) for name in SETTING_NAMES}
        values |= {name: value for name, value in said.items() if value is not None}
    values |= stated
    return Settings(**values)


def a_plan(
    mode: Mode = Mode.BRAKE,
    workload_class: str = "standard",
    *,
    region: str = HOME,
    shadow: bool = False,
    items_per_job: int = 1,
    max_jobs: int | None = None,
    enabled: bool = True,
    windows: tuple[TimeWindow, ...] = (),
    budget: Budget | None = None,
    **settings: object,
) -> Plan:
    return Plan(
        namespace="batch",
        name="embeddings",
        region=region,
        mode=mode,
        workload_class=workload_class,
        urgent=BUILT_IN_POLICY.classes[workload_class].urgent,
        shadow=shadow,
        backlog="orders" if mode is Mode.QUEUE else None,
        items_per_job=items_per_job,
        max_jobs=max_jobs,
        settings=some_settings(workload_class, **settings),
        origins={},
        policy_version="built-in",
        enabled=enabled,
        windows=windows,
        service=None if budget is None else budget.service,
        budget=budget,
    )


def a_queue_plan(workload_class: str = "standard", **stated: Any) -> Plan:
    return a_plan(Mode.QUEUE, workload_class, **stated)


def a_share(percent: Share) -> RenewableShare:
    at_least, at_most = percent if isinstance(percent, tuple) else (percent, percent)
    return RenewableShare(
        at_least=0.0 if at_least is None else at_least,
        at_most=100.0 if at_most is None else at_most,
    )


def a_reading(grams: float = 300.0, renewable: Share = None, **stated: Any) -> Reading:
    reading = Reading(
        region=HOME,
        observed_at=NOW,
        grams_per_kwh=grams,
        renewable=a_share(renewable),
        source="electricity_maps",
        kind=Kind.MEASURED,
        basis=Basis(),
        fetched_at=NOW,
        usable_for=2 * HOUR,
    )
    return replace(reading, **stated)


def a_series(
    *grams: float,
    since: datetime | None = None,
    every: timedelta = HOUR,
    renewable: Share | Sequence[Share] = None,
    usable_for: timedelta = 2 * HOUR,
    starts: Sequence[datetime] | None = None,
    first_at: datetime | None = None,
    source: str = "electricity_maps",
) -> RegionSeries:
    """One value per slot; the last slot begins at NOW unless `since` or `starts` says otherwise."""
    begin = NOW - (len(grams) - 1) * every if since is None else since
    begins = starts or [begin + index * every for index in range(len(grams))]
    begun = np.array([start.timestamp() for start in begins], dtype=np.float64)
    percents = renewable if isinstance(renewable, list) else [renewable] * len(grams)
    shares = [a_share(percent) for percent in percents]
    return RegionSeries(
        region=HOME,
        basis=Basis(),
        first_at=first_at or (begins[0] if begins else begin),
        starts=begun,
        grams_per_kwh=np.array(grams, dtype=np.float64),
        renewable_at_least=np.array([share.at_least for share in shares], dtype=np.float64),
        renewable_at_most=np.array([share.at_most for share in shares], dtype=np.float64),
        fetched=begun,
        usable_for=np.full(len(grams), usable_for.total_seconds()),
        sources=(source,) * len(grams),
        kinds=(Kind.MEASURED,) * len(grams),
    )


def an_item(
    waited: timedelta = timedelta(0),
    *,
    due_in: timedelta | None = None,
    duration: timedelta | None = None,
) -> Item:
    """Enqueued so long before NOW, to be done so long after it."""
    return Item(
        enqueued_at=NOW - waited,
        deadline_at=None if due_in is None else NOW + due_in,
        duration=duration,
    )


def a_backlog(
    *waiting: Item,
    in_progress: int = 0,
    read_at: datetime = NOW,
    max_age: timedelta = MINUTE,
) -> BacklogReading:
    return BacklogReading(
        items=Items.of(waiting, in_progress=in_progress),
        read_at=read_at,
        too_old_at=read_at + max_age,
    )


def a_case(
    plan: Plan | None = None,
    *,
    series: RegionSeries | None = None,
    reading: Reading | None = None,
    demand: BacklogReading | None = None,
    now: datetime = NOW,
    budget_use: BudgetUse | None = None,
    overrides: tuple[Override, ...] = (),
) -> Case:
    """What a single rule is asked; the reading is the series' unless it is given."""
    plan = plan or a_plan()
    if reading is None and series is not None:
        reading = series.reading_at(now)
    counts = timeline_of(demand.items, plan.settings).counts_at(now) if demand else None
    return Case(
        plan=plan,
        now=now,
        series=series,
        reading=reading,
        counts=counts,
        inputs=Inputs(series=series, budget_use=budget_use, overrides=overrides),
        window=window_rule.window_at(plan.windows, now),
    )


def a_window(
    begins: float = 2,
    ends: float = 6,
    effect: WindowEffect = WindowEffect.FORBID,
    *,
    bonus_percent: float = 0.0,
    **stated: Any,
) -> TimeWindow:
    """From one hour of the day to another, in UTC unless `timezone` says otherwise."""
    said: dict[str, Any] = {"name": "night", "timezone": UTC, **stated}
    return TimeWindow(
        begins=begins * HOUR, ends=ends * HOUR, effect=effect, bonus_percent=bonus_percent, **said
    )


def preferred(begins: float, ends: float, bonus_percent: float = 10.0, **stated: Any) -> TimeWindow:
    return a_window(begins, ends, WindowEffect.PREFER, bonus_percent=bonus_percent, **stated)


def a_budget(monthly_kg: float = 100.0, **stated: Any) -> Budget:
    return Budget(**{"service": "search", "monthly_kg": monthly_kg, **stated})


def a_budget_use(spent_kg: float, *, month_begins_at: datetime | None = None) -> BudgetUse:
    """What the service emitted since NOW's month began."""
    return BudgetUse(
        service="search",
        month_begins_at=month_begins_at or NOW.replace(day=1, hour=0),
        spent_kg=spent_kg,
        as_of=NOW,
    )


def an_override(action: OverrideAction = OverrideAction.HOLD, **stated: Any) -> Override:
    """Of NOW, for two hours, on the builders' region unless something narrower is stated."""
    said: dict[str, Any] = {
        "id": 1,
        "until": NOW + 2 * HOUR,
        "reason": "maintenance",
        "by": "ada",
        "created_at": NOW,
        **stated,
    }
    if not {"scaled_object", "workload_class"} & set(stated):
        said.setdefault("region", HOME)
    return Override(action=action, **said)


def a_region(name: str = HOME, provider: str = "aws") -> CloudRegion:
    return CloudRegion(
        name=name,
        provider=provider,
        country="US",
        zone="US-CAL-CISO",
        latitude=37.0,
        longitude=-121.0,
        eu_eea="no",
    )


def some_surroundings(
    *,
    default_region: str | None = HOME,
    regions: Collection[CloudRegion] = (
        a_region("us-west-1"),
        a_region("us-east-1"),
        a_region("eu-west-1"),
        a_region("europe-west1", "gcp"),
    ),
    stored_regions: Collection[str] = (),
    backlogs: Mapping[str, Collection[str] | None] | None = None,
) -> Surroundings:
    return Surroundings(
        default_region=default_region,
        catalog={region.name: region for region in regions},
        stored_regions=stored_regions,
        backlogs={"orders": None} if backlogs is None else backlogs,
    )
