"""The five calls of KEDA's contract, on raw bytes: read, ask, reply."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn

import grpc
import structlog
from google.protobuf.message import DecodeError

from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.subjects import Subject
from carbon_scaler.domain.decision import Decision, Verdict
from carbon_scaler.domain.trigger import Rejection
from carbon_scaler.keda import replies
from carbon_scaler.keda.triggers import KnownTriggers
from carbon_scaler.observability.counters import RpcCounters
from carbon_scaler.protocol import externalscaler_pb2 as pb

log = structlog.get_logger()

SERVICE = "externalscaler.ExternalScaler"
# KEDA's names are shorter; a reply under a longer one is not kept.
LONGEST_KEPT_NAME = 256

Context = grpc.aio.ServicerContext[Any, Any]
Call = Callable[[bytes], Awaitable[bytes]]


class RefusedError(Exception):
    """A call is answered with a status instead of a value."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Servicer:
    """Answers from memory; what it awaits is bounded, because KEDA's polls have no deadline."""

    def __init__(
        self, *, evaluator: Evaluator, triggers: KnownTriggers, counters: RpcCounters
    ) -> None:
        self._evaluator = evaluator
        self._triggers = triggers
        self._counters = counters

    def handlers(self) -> grpc.GenericRpcHandler:
        """The service for grpc.aio; requests and replies stay bytes."""
        unary = {
            "GetMetricSpec": self.get_metric_spec,
            "GetMetrics": self.get_metrics,
            "IsActive": self.is_active,
        }
        streams = {
            "StreamIsActive": self.is_active,
            "StreamMetricSpec": self.get_metric_spec,
        }
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                **{
                    name: grpc.unary_unary_rpc_method_handler(self._unary(name, call))
                    for name, call in unary.items()
                },
                **{
                    name: grpc.unary_stream_rpc_method_handler(self._stream(name, call))
                    for name, call in streams.items()
                },
            },
        )

    async def get_metric_spec(self, request: bytes) -> bytes:
        """One spec, without waiting for anything."""
        return replies.spec_reply(self._triggers.subject(_ref(request)).plan)

    async def get_metrics(self, request: bytes) -> bytes:
        """One value under whatever name is asked for."""
        try:
            asked = pb.GetMetricsRequest.FromString(request)
        except DecodeError:
            raise _not_a_message("GetMetricsRequest") from None
        subject = self._triggers.subject(asked.scaledObjectRef)
        decision = await self._decision(subject)
        name = asked.metricName
        if (
            subject.reply is not None
            and subject.reply_decision is decision
            and subject.reply_name == name
        ):
            return subject.reply
        reply = replies.metrics_reply(decision, name)
        if len(name) <= LONGEST_KEPT_NAME:
            subject.reply, subject.reply_decision, subject.reply_name = reply, decision, name
        return reply

    async def is_active(self, request: bytes) -> bytes:
        """Whether the trigger is active, from the same decision as its value."""
        decision = await self._decision(self._triggers.subject(_ref(request)))
        return replies.active_reply(decision)

    async def _decision(self, subject: Subject) -> Decision:
        if not self._evaluator.is_ready_for(subject):
            await self._evaluator.make_ready_for(subject)
        decision = self._evaluator.answer(subject)
        if isinstance(decision, Rejection):
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, decision.text())
        if decision.verdict is Verdict.ERROR:
            raise RefusedError(grpc.StatusCode.UNAVAILABLE, decision.decisive.text)
        return decision

    def _unary(self, name: str, call: Call) -> Callable[[bytes, Context], Awaitable[bytes]]:
        async def handle(request: bytes, context: Context) -> bytes:
            started = time.perf_counter()
            try:
                reply = await call(request)
            except RefusedError as refused:
                self._counters.observe(name, refused.code.name, time.perf_counter() - started)
                await _abort(context, refused)
            except Exception:
                self._counters.observe(name, "INTERNAL", time.perf_counter() - started)
                log.exception("grpc.call_failed", method=name)
                await _abort(context, _INTERNAL)
            self._counters.observe(name, "OK", time.perf_counter() - started)
            return reply

        return handle

    def _stream(self, name: str, call: Call) -> Callable[[bytes, Context], AsyncIterator[bytes]]:
        unary = self._unary(name, call)

        async def handle(request: bytes, context: Context) -> AsyncIterator[bytes]:
            yield await unary(request, context)
            # A stream that ended would be opened again at once.
            await asyncio.Event().wait()

        return handle


_INTERNAL = RefusedError(
    grpc.StatusCode.INTERNAL, "carbon-scaler failed to answer; its log says why"
)


async def _abort(context: Context, refused: RefusedError) -> NoReturn:
    await context.abort(refused.code, refused.text)
    raise AssertionError


def _ref(request: bytes) -> pb.ScaledObjectRef:
    try:
        return pb.ScaledObjectRef.FromString(request)
    except DecodeError:
        raise _not_a_message("ScaledObjectRef") from None


def _not_a_message(name: str) -> RefusedError:
    return RefusedError(
        grpc.StatusCode.INVALID_ARGUMENT, f"the request is not a valid externalscaler.{name}"
    )
