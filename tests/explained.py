"""A world, what `explain` tells of it, and the bytes that KEDA has to get then."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from carbon_scaler.application.directives import Directives
from carbon_scaler.application.explain import explain, explain_rejection
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.resolve import Surroundings, resolve
from carbon_scaler.domain.backlog import BacklogState
from carbon_scaler.domain.policy import Policy
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Rejection
from carbon_scaler.keda.metadata import parse_trigger
from carbon_scaler.keda.replies import METRIC_NAME
from carbon_scaler.protocol import externalscaler_pb2 as pb

CATALOG = load_catalog()
NAMESPACE, NAME = "batch", "embeddings"

# Of GetMetrics, IsActive and GetMetricSpec: bytes, or why the call is refused.
Answers = tuple[bytes | str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that one answer may depend on."""

    policy: Policy
    metadata: Mapping[str, str]
    regions: Mapping[str, RegionSeries]
    backlog: BacklogState
    directives: Directives
    now: datetime

    @property
    def around(self) -> Surroundings:
        return Surroundings(
            default_region=None,
            catalog=CATALOG,
            stored_regions=self.regions.keys(),
            backlogs={"orders": None},
        )

    def told(self) -> dict[str, Any]:
        """What `explain` prints."""
        trigger = parse_trigger(NAMESPACE, NAME, self.metadata)
        plan = resolve(trigger, self.policy, self.around)
        if isinstance(plan, Rejection):
            return explain_rejection(plan, self.policy.version)
        uses = self.directives.budget_use
        inputs = Inputs(
            series=self.regions.get(plan.region),
            demand=None if plan.backlog is None else self.backlog.at(self.now),
            others=self.regions,
            overrides=self.directives.overrides,
            budget_use=uses.get(plan.service) if plan.service else None,
        )
        return explain(plan, decide(plan, inputs, self.now), inputs=inputs)


def expected(told: Mapping[str, Any]) -> Answers:
    """The answers that this explanation stands for."""
    value, target = told["metric_value"], told["target"]
    spec = pb.MetricSpec(
        metricName=METRIC_NAME, targetSize=math.ceil(target), targetSizeFloat=target
    )
    spec_reply = pb.GetMetricSpecResponse(metricSpecs=[spec]).SerializeToString()
    if told["reason"] == "bad_metadata":
        return (f"INVALID_ARGUMENT: {told['why']}",) * 2 + (spec_reply,)
    if told["verdict"] == "error":
        return (f"UNAVAILABLE: {decisive(told)['text']}",) * 2 + (spec_reply,)
    metric = pb.MetricValue(
        metricName=METRIC_NAME,
        metricValue=told["keda"]["metric_value_int"],
        metricValueFloat=value,
    )
    return (
        pb.GetMetricsResponse(metricValues=[metric]).SerializeToString(),
        pb.IsActiveResponse(result=told["active"]).SerializeToString(),
        spec_reply,
    )


def decisive(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """The rule that gave the reason."""
    found: Mapping[str, Any] = next(
        rule for rule in told["rules"] if rule["reason"] == told["reason"]
    )
    return found
