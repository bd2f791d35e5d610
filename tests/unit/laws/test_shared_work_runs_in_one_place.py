"""Whatever is known: one region at most is chosen, never a forbidden one, and no start is late."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from carbon_scaler.decisions import place
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.place_choice import move
from carbon_scaler.domain.decision import Decision, Verdict
from carbon_scaler.domain.place import Whereabouts
from carbon_scaler.domain.policy import Weights
from carbon_scaler.domain.residency import Enforcement, Level, Tenant
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import DAY, HOUR, MINUTE, NOW, SECOND, a_backlog, a_series, an_item
from tests.unit.decisions.place_world import a_place, a_shared_plan, some_shared_work
from tests.unit.laws.cases import law

NAMES = ("us-east-1", "us-west-1", "eu-central-1", "eu-west-1", "eu-west-2")
EUROPE = frozenset({"eu-central-1", "eu-west-1"})
SERIES = {
    "clean": a_series(10, usable_for=DAY),
    "dirty": a_series(900, usable_for=DAY),
    "blind": a_series(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The same for all regions that share."""

    regions: tuple[str, ...]
    whereabouts: Whereabouts
    tenant: Tenant | None
    grids: dict[str, str]
    plan: Plan

    def plan_in(self, region: str) -> Plan:
        return replace(
            a_shared_plan(region, shared=some_shared_work(self.regions), tenant=self.tenant),
            mode=self.plan.mode,
            backlog=self.plan.backlog,
            urgent=self.plan.urgent,
            shadow=self.plan.shadow,
            enabled=self.plan.enabled,
            settings=self.plan.settings,
        )

    def decided(self, region: str, now: datetime = NOW) -> Decision:
        plan = self.plan_in(region)
        inputs = Inputs(
            series=SERIES[self.grids[region]],
            demand=a_backlog(an_item(), max_age=30 * DAY) if plan.mode is Mode.QUEUE else None,
            whereabouts=self.whereabouts,
        )
        return decide(plan, inputs, now)


@st.composite
def worlds(draw: st.DrawFn, mode: Mode | None = None) -> World:
    regions = tuple(draw(st.lists(st.sampled_from(NAMES), min_size=2, unique=True)))
    some = st.sampled_from(NAMES)
    chosen = draw(st.none() | some)
    begun = draw(st.sampled_from([-HOUR, timedelta(0), 10 * SECOND]))
    stated = {
        "workload_class": draw(st.sampled_from(["urgent", "standard"])),
        "shadow": draw(st.booleans()),
        "enabled": draw(st.booleans()),
        "max_delay": draw(st.sampled_from([0 * HOUR, HOUR, 12 * HOUR])),
        "lead": draw(st.sampled_from([0 * MINUTE, MINUTE, 15 * MINUTE])),
    }
    tenant = draw(
        st.none()
        | st.builds(
            Tenant,
            name=st.just("acme"),
            level=st.just(Level.EU_STRICT),
            mode=st.just(Enforcement.STRICT),
        )
    )
    return World(
        regions=regions,
        whereabouts=Whereabouts(
            place=None if chosen is None else a_place(chosen, begins_at=NOW + begun),
            live=frozenset(draw(st.lists(some))),
        ),
        tenant=tenant,
        grids={region: draw(st.sampled_from(sorted(SERIES))) for region in regions},
        plan=a_shared_plan(regions[0], mode or draw(st.sampled_from([*MODES])), **stated),
    )


MODES = (Mode.QUEUE, Mode.BRAKE, Mode.GATE)


@settings(law)
@given(world=worlds())
def test_one_region_at_most_is_chosen_and_never_a_forbidden_one(world: World):
    standings = {
        region: place.standing(world.plan_in(region), world.whereabouts, NOW)
        for region in world.regions
    }
    chosen = {each.chosen for each in standings.values() if each is not None}

    assert len(chosen) <= 1
    if world.tenant is not None:
        assert chosen <= EUROPE


@settings(law)
@given(world=worlds())
def test_before_anything_is_due_one_region_at_most_is_open(world: World):
    decisions = {region: world.decided(region) for region in world.regions}
    is_open = [
        region
        for region, decision in decisions.items()
        if decision.verdict is Verdict.OPEN and decision.reason != "deadline"
    ]

    assert len(is_open) <= 1
    if world.tenant is not None:
        assert all(region in EUROPE for region in is_open)
        assert not any(
            decision.admitted for region, decision in decisions.items() if region not in EUROPE
        )


@settings(law)
@given(world=worlds(Mode.QUEUE))
def test_wherever_the_place_is_every_permitted_region_starts_an_item_by_its_latest_start(
    world: World,
):
    latest = NOW + world.plan.settings.max_delay
    for region in world.regions:
        lawful, _ = place.permitted(world.plan_in(region), latest)
        assert world.decided(region, latest).admitted == (region in lawful)


@settings(law)
@given(world=worlds(Mode.QUEUE), after=st.integers(0, 13 * 3600))
def test_an_answer_holds_until_it_says_so(world: World, after: int):
    for region in world.regions:
        then = NOW + after * SECOND
        decision = world.decided(region)
        if decision.changes_at is None or then < decision.changes_at:
            assert world.decided(region, then).admitted == decision.admitted


@settings(law)
@given(
    grams=st.lists(st.integers(0, 900), min_size=len(NAMES), max_size=len(NAMES)),
    costs=st.lists(st.floats(0.1, 10), min_size=len(NAMES), max_size=len(NAMES)),
    weights=st.lists(st.integers(0, 100), min_size=2, max_size=5).map(sorted),
)
def test_the_more_carbon_counts_the_cleaner_is_the_place(
    grams: list[int], costs: list[float], weights: list[int]
):
    series = {name: a_series(value) for name, value in zip(NAMES, grams, strict=True)}
    chosen: list[int] = []
    for percent in weights:
        shared = some_shared_work(
            NAMES,
            weights=Weights(carbon=percent / 100, cost=1 - percent / 100),
            costs=dict(zip(NAMES, costs, strict=True)),
        )
        live = Whereabouts(live=frozenset(NAMES))
        found = move(a_shared_plan(NAMES[0], shared=shared), live, series, NOW)
        assert found is not None
        chosen.append(grams[NAMES.index(found.region)])

    assert chosen == sorted(chosen, reverse=True)


@settings(law)
@given(world=worlds())
def test_work_moves_only_to_a_permitted_region_in_which_somebody_asks(world: World):
    series = {region: replace(SERIES[grid], region=region) for region, grid in world.grids.items()}
    for region in world.regions:
        plan = world.plan_in(region)
        found = move(plan, world.whereabouts, series, NOW)
        if found is not None:
            assert found.region in place.permitted(plan, NOW)[0]
            assert found.region in {region, *world.whereabouts.live}
            former = world.whereabouts.place
            assert former is None or found.region != former.region
