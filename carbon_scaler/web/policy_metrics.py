"""The metrics of rules: which policy is in force, what residency and operators say."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import Metric

from carbon_scaler.application.decision_journal import DecisionJournal
from carbon_scaler.application.directives import DirectiveStates
from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.places import PlaceStates
from carbon_scaler.application.rulebook import Rules
from carbon_scaler.domain.override import OverrideAction
from carbon_scaler.domain.place import MoveReason
from carbon_scaler.web.metric_families import counter, gauge


def policy_metrics(rules: Rules) -> Iterator[Metric]:
    """The policy in force, and how its reloads fare."""
    yield gauge(
        "carbon_scaler_policy_info",
        "The content hash of the policy in force.",
        ("version",),
        {(rules.current.policy.version,): 1},
    )
    yield gauge(
        "carbon_scaler_policy_loaded_timestamp_seconds",
        "When the policy in force was read.",
        (),
        {(): rules.loaded_at.timestamp()},
    )
    yield gauge(
        "carbon_scaler_policy_refused",
        "1 while the newest documents are refused and older ones stay in force.",
        (),
        {(): float(rules.failure is not None)},
    )
    yield counter(
        "carbon_scaler_policy_reloads",
        "Changed documents by what became of them: changed, refused.",
        ("result",),
        {(result,): count for result, count in rules.reloads.items()},
    )


def ruling_metrics(evaluator: Evaluator) -> Iterator[Metric]:
    """What residency said, and what became of suggestions."""
    yield counter(
        "carbon_scaler_residency_rulings",
        "Decisions about a tenant's work by level, mode of enforcement and reason.",
        ("level", "mode", "reason"),
        dict(evaluator.residency_rulings),
    )
    yield counter(
        "carbon_scaler_carbon_hints",
        "Decisions with a cleaner region in sight: open, or overridden by residency.",
        ("outcome",),
        dict(evaluator.hints),
    )


def directive_metrics(directives: DirectiveStates, now: datetime) -> Iterator[Metric]:
    """The operators' overrides in force, and the budgets' use."""
    view = directives.current
    in_force = Counter(each.action for each in view.overrides if now < each.until)
    yield gauge(
        "carbon_scaler_overrides",
        "Operators' overrides in force.",
        ("action",),
        {(action.value,): float(in_force[action]) for action in OverrideAction},
    )
    yield gauge(
        "carbon_scaler_budget_spent_kg",
        "What a service is known to have emitted this month.",
        ("service",),
        {(use.service,): use.spent_kg for use in view.budget_use.values()},
    )


def place_metrics(places: PlaceStates) -> Iterator[Metric]:
    """Where shared work runs, and how often this server moved some."""
    counted = Counter(
        each.place.region for each in places.current.values() if each.place is not None
    )
    yield gauge(
        "carbon_scaler_places",
        "Pieces of work that several regions share, by the region that each runs in.",
        ("region",),
        {(region,): float(count) for region, count in counted.items()},
    )
    yield counter(
        "carbon_scaler_place_moves",
        "Places that this server chose, by why: first, forbidden, silent, better.",
        ("reason",),
        {(reason.value,): places.moves[reason.value,] for reason in MoveReason},
    )


def journal_metrics(journal: DecisionJournal) -> Iterator[Metric]:
    """How recording of decisions fares."""
    yield counter(
        "carbon_scaler_decisions_recorded",
        "Changed decisions by what became of them: recorded, dropped because too many waited.",
        ("result",),
        {("recorded",): journal.recorded, ("dropped",): journal.dropped},
    )
    yield gauge(
        "carbon_scaler_decisions_pending",
        "Changed decisions that wait to be recorded.",
        (),
        {(): journal.pending},
    )
