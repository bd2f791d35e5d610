from dataclasses import replace
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest

from carbon_scaler.decisions.resolve import AVAILABLE_MODES, Surroundings, resolve
from carbon_scaler.domain.curves import curve_up_to
from carbon_scaler.domain.policy import (
    BUILT_IN_POLICY,
    NOTHING_STATED,
    SETTING_NAMES,
    Policy,
    StatedSettings,
    Strategy,
    TimeShift,
    WhenBlind,
    WorkloadClass,
)
from carbon_scaler.domain.trigger import Mode, Plan, Problem, Rejection
from carbon_scaler.domain.windows import TimeWindow
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    a_budget,
    a_region,
    a_trigger,
    a_window,
    preferred,
    some_settings,
    some_surroundings,
)


def resolved(
    policy: Policy = BUILT_IN_POLICY, around: Surroundings | None = None, **stated: object
):
    around = around or some_surroundings()
    return resolve(a_trigger(**{"mode": Mode.BRAKE, **stated}), policy, around)


def plan_of(**stated: object):
    plan = resolved(**stated)
    assert isinstance(plan, Plan), plan
    return plan


def problems_of(**stated: object):
    rejection = resolved(**stated)
    assert isinstance(rejection, Rejection), rejection
    return [str(problem) for problem in rejection.problems]


def a_policy(**classes: WorkloadClass):
    """The built-in policy with further classes."""
    return replace(BUILT_IN_POLICY, classes={**BUILT_IN_POLICY.classes, **classes})


# --- what a plan holds


def test_a_plan_keeps_what_the_trigger_says():
    plan = plan_of(
        namespace="shop",
        name="invoices",
        region="us-east-1",
        workload_class="deferrable",
        mode=Mode.QUEUE,
        backlog="orders",
        items_per_job=5,
        max_jobs=20,
        shadow=True,
        warnings=("colour: unknown key",),
    )
    assert (plan.namespace, plan.name, plan.region) == ("shop", "invoices", "us-east-1")
    assert (plan.workload_class, plan.mode, plan.backlog) == ("deferrable", Mode.QUEUE, "orders")
    assert (plan.items_per_job, plan.max_jobs, plan.shadow) == (5, 20, True)
    assert plan.warnings == ("colour: unknown key",)
    assert plan.policy_version == BUILT_IN_POLICY.version


def test_a_trigger_that_names_no_class_is_standard():
    plan = plan_of()
    assert (plan.workload_class, plan.urgent) == ("standard", False)


def test_only_an_urgent_class_makes_an_urgent_plan():
    assert plan_of(workload_class="urgent").urgent
    assert not plan_of(workload_class="deferrable").urgent


@pytest.mark.parametrize("workload_class", ["urgent", "standard", "deferrable"])
def test_the_settings_of_a_built_in_class_are_in_force(workload_class: str):
    assert plan_of(workload_class=workload_class).settings == some_settings(workload_class)


# --- precedence: trigger, class, default

LAYERED = [
    # setting, the trigger's, the class's, the default's
    ("threshold", 100.0, 200.0, 300.0),
    ("min_renewable_percent", 0.0, 20.0, 30.0),
    ("require_mix", False, True, True),
    ("max_delay", 0 * HOUR, 2 * HOUR, 3 * HOUR),
    ("min_savings_percent", 0.0, 2.0, 3.0),
    ("job_duration", HOUR, 2 * HOUR, 3 * HOUR),
    ("strategy", Strategy.CURVE, Strategy.QUANTILE, Strategy.FORECAST),
    ("lead", 0 * SECOND, 20 * SECOND, 30 * SECOND),
    ("release", MINUTE, 2 * MINUTE, 3 * MINUTE),
    ("when_blind", WhenBlind.OPEN, WhenBlind.CLOSED, WhenBlind.ERROR),
    ("quantile_percent", 10.0, 20.0, 40.0),
    ("quantile_window", DAY, 2 * DAY, 3 * DAY),
    ("curve", curve_up_to(100.0), curve_up_to(200.0), curve_up_to(300.0)),
    ("job_energy_kwh", 1.0, 2.0, 3.0),
    ("spread", MINUTE, 2 * MINUTE, 3 * MINUTE),
]


def test_the_table_of_layers_has_every_setting():
    assert {name for name, *_ in LAYERED} == set(SETTING_NAMES)


@pytest.mark.parametrize(("name", "of_trigger", "of_class", "of_default"), LAYERED)
@pytest.mark.parametrize("stated_by", ["trigger", "class nightly", "default"])
def test_the_trigger_wins_over_the_class_and_the_class_over_the_default(
    *, name: str, of_trigger: object, of_class: object, of_default: object, stated_by: str
):
    trigger, nightly = StatedSettings(), StatedSettings()
    if stated_by == "trigger":
        trigger = StatedSettings(**{name: of_trigger})
    if stated_by != "default":
        nightly = StatedSettings(**{name: of_class})
    policy = replace(
        a_policy(nightly=WorkloadClass(stated=nightly)),
        defaults=replace(BUILT_IN_POLICY.defaults, **{name: of_default}),
    )
    plan = plan_of(policy=policy, workload_class="nightly", stated=trigger)
    expected = {"trigger": of_trigger, "class nightly": of_class, "default": of_default}
    assert getattr(plan.settings, name) == expected[stated_by]
    assert plan.origins[name] == stated_by


def test_each_setting_has_an_origin_of_its_own():
    plan = plan_of(workload_class="deferrable", stated=StatedSettings(threshold=180.0))
    assert plan.origins == {
        "threshold": "trigger",
        "min_renewable_percent": "class deferrable",
        "require_mix": "default",
        "max_delay": "class deferrable",
        "min_savings_percent": "default",
        "job_duration": "default",
        "strategy": "limit of trigger",
        "lead": "default",
        "release": "default",
        "when_blind": "class deferrable",
        "quantile_percent": "default",
        "quantile_window": "default",
        "curve": "default",
        "job_energy_kwh": "default",
        "spread": "default",
        "region": "server",
    }


def strategy_of(trigger: StatedSettings = NOTHING_STATED, **stated: StatedSettings) -> object:
    classes = {name: WorkloadClass(stated=each) for name, each in stated.items()}
    plan = plan_of(policy=a_policy(**classes), workload_class="nightly", stated=trigger)
    return plan.settings.strategy, plan.origins["strategy"]


def test_who_states_a_limit_and_no_strategy_means_the_limit():
    limit, forecast = StatedSettings(threshold=200.0), StatedSettings(strategy=Strategy.FORECAST)
    silent = StatedSettings()

    assert strategy_of(nightly=silent) == (Strategy.AUTO, "default")
    assert strategy_of(limit, nightly=silent) == (Strategy.THRESHOLD, "limit of trigger")
    assert strategy_of(nightly=limit) == (Strategy.THRESHOLD, "limit of class nightly")
    assert strategy_of(limit, nightly=forecast) == (Strategy.FORECAST, "class nightly")
    for key in ({"min_renewable_percent": 10.0}, {"require_mix": True}):
        assert strategy_of(StatedSettings(**key), nightly=silent)[0] is Strategy.THRESHOLD
    for name in BUILT_IN_POLICY.classes:
        plan = plan_of(workload_class=name)
        assert plan.settings.strategy is Strategy.AUTO, "the limits that are built in are no choice"


@pytest.mark.parametrize(
    ("lead", "release"),
    [
        (0 * MINUTE, 5 * MINUTE),
        (MINUTE, 5 * MINUTE),
        (150 * SECOND, 5 * MINUTE),
        (151 * SECOND, 302 * SECOND),
        (HOUR, 2 * HOUR),
    ],
    ids=str,
)
def test_by_default_twice_the_lead_is_free_and_five_minutes_at_least(
    lead: timedelta, release: timedelta
):
    plan = plan_of(stated=StatedSettings(lead=lead))
    assert plan.settings.release == release
    assert plan.origins["release"] == "default"


def test_a_stated_release_stands_whatever_the_lead():
    plan = plan_of(stated=StatedSettings(lead=HOUR, release=MINUTE))
    assert plan.settings.release == MINUTE


# --- region


@pytest.mark.parametrize(
    ("written", "region", "origin"),
    [
        ("us-east-1", "us-east-1", "trigger"),
        ("aws:us-east-1", "us-east-1", "trigger"),
        ("gcp:europe-west1", "europe-west1", "trigger"),
        ("my-cluster", "my-cluster", "trigger"),
        ("gcp:my-cluster", "my-cluster", "trigger"),
        (None, "us-west-1", "server"),
    ],
    ids=["bare", "prefixed", "another provider", "stored only", "stored, prefixed", "the server's"],
)
def test_a_region_is_known_by_its_bare_name(written: str | None, region: str, origin: str):
    plan = plan_of(region=written, around=some_surroundings(stored_regions={"my-cluster"}))
    assert (plan.region, plan.origins["region"]) == (region, origin)


def test_the_servers_region_may_have_a_prefix_too():
    assert plan_of(around=some_surroundings(default_region="aws:us-east-1")).region == "us-east-1"


@pytest.mark.parametrize(
    ("stated", "around", "problem"),
    [
        (
            {},
            some_surroundings(default_region=None),
            "region: is missing; name the cloud region of this cluster, "
            "or set CARBON_SCALER_REGION",
        ),
        (
            {"region": "us-wets-1"},
            some_surroundings(),
            'region: "us-wets-1" is not allowed; did you mean "us-west-1"? '
            "one of eu-west-1, europe-west1, us-east-1, us-west-1",
        ),
        (
            {"region": "aws:us-wets-1"},
            some_surroundings(),
            'region: "aws:us-wets-1" is not allowed; did you mean "us-west-1"? '
            "one of eu-west-1, europe-west1, us-east-1, us-west-1",
        ),
        (
            {"region": "gcp:us-west-1"},
            some_surroundings(),
            'region: "gcp:us-west-1" is not allowed; us-west-1 is a region of aws',
        ),
        (
            {"region": "gcp:"},
            some_surroundings(regions=[a_region("us-west-1")]),
            'region: "gcp:" is not allowed; one of us-west-1',
        ),
        (
            {"region": "my-clutser"},
            some_surroundings(regions=[], stored_regions={"my-cluster"}),
            'region: "my-clutser" is not allowed; did you mean "my-cluster"? one of my-cluster',
        ),
        (
            {"region": "moon"},
            some_surroundings(regions=[]),
            'region: "moon" is not allowed; there is none',
        ),
        (
            {},
            some_surroundings(default_region="us-wets-1", regions=[a_region("us-west-1")]),
            'region: "us-wets-1" is not allowed; did you mean "us-west-1"? one of us-west-1',
        ),
    ],
    ids=[
        "none anywhere",
        "a typo",
        "a typo behind a prefix",
        "another provider's",
        "a prefix alone",
        "a typo of a stored one",
        "none known",
        "the server's is unknown",
    ],
)
def test_a_region_that_nobody_knows_is_refused(
    stated: object, around: Surroundings | None, problem: str
):
    assert problems_of(**stated, around=around) == [problem]


# --- mode and backlog


def test_a_backlog_alone_means_a_queue():
    assert plan_of(mode=None, backlog="orders").mode is Mode.QUEUE


def test_without_mode_and_backlog_the_modes_are_listed():
    assert problems_of(mode=None) == [
        "mode: is missing; choose queue or brake or gate (queue also needs a backlog)"
    ]


@pytest.mark.parametrize("mode", sorted(set(Mode) - set(AVAILABLE_MODES)))
def test_a_mode_that_is_not_there_yet_is_refused_by_name(mode: Mode):
    assert problems_of(mode=mode) == [
        f'mode: "{mode}" is not allowed; this version does not have it; '
        "choose queue or brake or gate"
    ]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_every_strategy_may_be_chosen(strategy: Strategy):
    assert plan_of(stated=StatedSettings(strategy=strategy)).settings.strategy is strategy


@pytest.mark.parametrize("mode", [Mode.BRAKE, Mode.GATE])
def test_who_counts_no_items_reads_no_backlog_and_warns_of_one(mode: Mode):
    plan = plan_of(mode=mode, backlog="orders")
    assert plan.backlog is None
    assert plan.warnings == (f"backlog: a {mode} reads none; use mode queue to count items",)


BACKLOGS = {"orders": None, "invoices": ["shop", "batch"], "payroll": ["hr"]}


@pytest.mark.parametrize("backlog", ["orders", "invoices"], ids=["everybody's", "ours"])
def test_a_queue_reads_a_backlog_that_its_namespace_may_use(backlog: str | None):
    around = some_surroundings(backlogs=BACKLOGS)
    assert plan_of(mode=Mode.QUEUE, backlog=backlog, around=around).backlog == backlog


@pytest.mark.parametrize(
    ("backlog", "problem"),
    [
        (
            "oders",
            'backlog: "oders" is not allowed; for namespace "batch", from backlogs.yaml: '
            'did you mean "orders"? one of invoices, orders',
        ),
        (
            "payroll",
            'backlog: "payroll" is not allowed; for namespace "batch", from backlogs.yaml: '
            "one of invoices, orders",
        ),
        (
            "payrol",
            'backlog: "payrol" is not allowed; for namespace "batch", from backlogs.yaml: '
            "one of invoices, orders",
        ),
        (
            None,
            'backlog: is missing; mode queue needs one for namespace "batch", '
            "from backlogs.yaml: one of invoices, orders",
        ),
    ],
    ids=["a typo", "somebody else's", "a typo of somebody else's", "none"],
)
def test_only_our_own_backlogs_are_told(backlog: str | None, problem: str):
    around = some_surroundings(backlogs=BACKLOGS)
    assert problems_of(mode=Mode.QUEUE, backlog=backlog, around=around) == [problem]


def test_somebody_elses_backlog_looks_like_one_that_does_not_exist():
    def said(backlog: str | None):
        around = some_surroundings(backlogs={"orders": ["shop"], "payroll": ["hr"]})
        [problem] = problems_of(mode=Mode.QUEUE, backlog=backlog, around=around)
        return problem.replace(backlog, "…")

    assert said("payroll") == said("unheard-of")


def test_a_namespace_is_quoted_as_a_users_text():
    [problem] = problems_of(mode=Mode.QUEUE, namespace="a\nb" * 1000, around=some_surroundings())
    assert "\n" not in problem
    assert len(problem) < 300


# --- class and settings


def test_an_unknown_class_is_refused_with_the_likely_one():
    assert problems_of(workload_class="deferable") == [
        'workloadClass: "deferable" is not allowed; did you mean "deferrable"? '
        "one of deferrable, standard, urgent"
    ]


def test_a_class_of_the_policy_is_as_good_as_a_built_in_one():
    policy = a_policy(nightly=WorkloadClass(stated=StatedSettings(threshold=120.0), urgent=True))
    plan = plan_of(policy=policy, workload_class="nightly")
    assert (plan.settings.threshold, plan.urgent) == (120.0, True)


def test_a_brake_that_asks_for_errors_is_refused():
    assert problems_of(stated=StatedSettings(when_blind=WhenBlind.ERROR)) == [
        'whenBlind: "error" is not allowed; '
        "a brake that errors is dropped by KEDA and holds nothing; choose open or closed"
    ]


@pytest.mark.parametrize("mode", [Mode.QUEUE, Mode.GATE])
def test_a_queue_and_a_gate_may_ask_for_errors(mode: Mode):
    backlog = "orders" if mode is Mode.QUEUE else None
    plan = plan_of(mode=mode, backlog=backlog, stated=StatedSettings(when_blind=WhenBlind.ERROR))
    assert plan.settings.when_blind is WhenBlind.ERROR


def test_a_class_that_asks_for_errors_does_not_break_its_brakes():
    policy = a_policy(strict=WorkloadClass(stated=StatedSettings(when_blind=WhenBlind.ERROR)))
    plan = plan_of(policy=policy, workload_class="strict")
    assert plan.origins["when_blind"] == "class strict"


# --- what the policy adds for this region, this class and this service

NIGHT = a_window(22, 30, name="night", timezone=None)
SOLAR = preferred(11, 15, name="solar", timezone=None, priority=2)


def with_windows(*windows: TimeWindow, enabled: bool = True):
    return replace(BUILT_IN_POLICY, time_shift=TimeShift(enabled=enabled, windows=windows))


def test_windows_go_by_the_least_priority_first():
    plan = plan_of(policy=with_windows(SOLAR, NIGHT))
    assert [window.name for window in plan.windows] == ["night", "solar"]


def test_a_window_without_a_time_zone_goes_by_the_regions_clock_and_another_by_its_own():
    berlin, denver = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Denver")
    here = replace(a_region(), timezone=denver)
    stated = replace(SOLAR, timezone=berlin)
    plan = plan_of(policy=with_windows(NIGHT, stated), around=some_surroundings(regions=[here]))
    assert [window.timezone for window in plan.windows] == [denver, berlin]


def test_a_region_outside_the_catalog_goes_by_utc():
    around = some_surroundings(stored_regions={"my-cluster"})
    plan = plan_of(policy=with_windows(NIGHT), around=around, region="my-cluster")
    assert [window.timezone for window in plan.windows] == [UTC]


def test_windows_of_other_regions_and_windows_that_change_nothing_are_left_out():
    elsewhere = replace(NIGHT, regions=frozenset({"eu-west-1"}))
    here = replace(NIGHT, name="here", regions=frozenset({"us-west-1", "eu-west-1"}))
    without_bonus = replace(SOLAR, bonus_percent=0.0)
    plan = plan_of(policy=with_windows(elsewhere, here, without_bonus))
    assert [window.name for window in plan.windows] == ["here"]


def test_the_clean_hours_of_the_regions_own_profile_count_too():
    here = replace(a_region(), clean_hours=(SOLAR,))
    plan = plan_of(policy=with_windows(NIGHT), around=some_surroundings(regions=[here]))
    assert [window.name for window in plan.windows] == ["night", "solar"]


def test_without_time_shifting_no_window_counts_and_the_strategy_is_the_fixed_limit():
    policy = with_windows(NIGHT, enabled=False)
    plan = plan_of(policy=policy, stated=StatedSettings(strategy=Strategy.QUANTILE))
    assert (plan.windows, plan.settings.strategy) == ((), Strategy.THRESHOLD)
    assert plan.origins["strategy"] == "time-shift-policies.yaml"


def test_a_policy_that_is_switched_off_makes_plans_that_are():
    assert not plan_of(policy=replace(BUILT_IN_POLICY, enabled=False)).enabled
    assert plan_of().enabled


@pytest.mark.parametrize(
    ("service", "monthly_kg"), [("search", 100.0), ("other", None), (None, None)]
)
def test_a_service_with_a_budget_is_held_to_it(service: str | None, monthly_kg: float | None):
    policy = replace(BUILT_IN_POLICY, budgets={"search": a_budget()})
    plan = plan_of(policy=policy, service=service)
    assert plan.service == service
    assert (None if plan.budget is None else plan.budget.monthly_kg) == monthly_kg


def test_a_class_that_prefers_regions_has_hints():
    nightly = WorkloadClass(
        stated=StatedSettings(),
        preferred_regions=("us-east-1", "nowhere"),
        fallback_regions=("eu-west-1",),
    )
    terms = plan_of(policy=a_policy(nightly=nightly), workload_class="nightly").hint_terms
    assert terms is not None
    assert (terms.preferred, terms.fallback) == (("us-east-1", "nowhere"), ("eu-west-1",))
    assert terms.costs == {"us-west-1": 1.0, "us-east-1": 1.0, "eu-west-1": 1.0}
    assert plan_of().hint_terms is None


# --- all problems at once


def test_everything_that_is_wrong_is_said_at_once():
    rejection = resolved(
        mode=Mode.QUEUE,
        region="us-wets-1",
        regions=("eu-west-1",),
        backlog="oders",
        workload_class="deferable",
        problems=(Problem(key="maxDelay", said="tomorrow", allowed="a duration"),),
        warnings=("colour: unknown key",),
    )
    assert isinstance(rejection, Rejection)
    assert [problem.key for problem in rejection.problems] == [
        "maxDelay",
        "region",
        "regions",
        "backlog",
        "workloadClass",
    ]
    assert (rejection.namespace, rejection.name) == ("batch", "embeddings")
    assert rejection.warnings == ("colour: unknown key",)
    text = rejection.text()
    assert len(text.encode()) <= 1024
    for said in ("tomorrow", "us-wets-1", "eu-west-1", "oders", "deferable"):
        assert f'"{said}"' in text


@pytest.mark.parametrize(
    ("key", "stated"),
    [
        ("region", {"region": None, "regions": ("eu-west-1",)}),
        ("mode", {"mode": None}),
        ("backlog", {"mode": Mode.QUEUE, "backlog": None}),
        ("backlog", {"mode": None, "backlog": None}),
    ],
    ids=["region", "mode", "backlog of a queue", "backlog without a mode"],
)
def test_a_value_that_was_refused_already_is_not_said_to_be_missing(key: str, stated: object):
    problem = Problem(key=key, said="\x00", allowed="something better")
    around = some_surroundings(default_region=None if key == "region" else "us-west-1")
    assert problems_of(**stated, problems=(problem,), around=around) == [str(problem)]


def test_a_trigger_with_any_problem_is_rejected_even_if_the_rest_would_do():
    problem = Problem(key="lead", said="soon", allowed="a duration")
    assert problems_of(problems=(problem,)) == [str(problem)]
