"""Decisions as KEDA's protobuf bytes; pure."""

import math

from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.trigger import Plan, Rejection
from carbon_scaler.protocol import externalscaler_pb2 as pb

METRIC_NAME = "carbon-scaler"
# KEDA hides errors of GetMetricSpec, so even a bad trigger gets a valid spec.
TARGET_OF_REJECTED = 1.0


def spec_reply(plan: Plan | Rejection) -> bytes:
    """Exactly one spec, whole and fractional target both set."""
    target = TARGET_OF_REJECTED if isinstance(plan, Rejection) else plan.target
    spec = pb.MetricSpec(
        metricName=METRIC_NAME, targetSize=math.ceil(target), targetSizeFloat=target
    )
    return pb.GetMetricSpecResponse(metricSpecs=[spec]).SerializeToString()


def metrics_reply(decision: Decision, metric_name: str) -> bytes:
    """Exactly one value under the name that was asked for; older KEDA reads the whole number."""
    value = pb.MetricValue(
        metricName=metric_name,
        metricValue=math.ceil(decision.metric_value),
        metricValueFloat=decision.metric_value,
    )
    return pb.GetMetricsResponse(metricValues=[value]).SerializeToString()


ACTIVE_REPLY = pb.IsActiveResponse(result=True).SerializeToString()
INACTIVE_REPLY = pb.IsActiveResponse(result=False).SerializeToString()


def active_reply(decision: Decision) -> bytes:
    """Whether the trigger is active."""
    return ACTIVE_REPLY if decision.active else INACTIVE_REPLY
