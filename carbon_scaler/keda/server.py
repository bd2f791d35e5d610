"""Build, start and drain the gRPC server."""

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from carbon_scaler.keda.servicer import SERVICE, Servicer
from carbon_scaler.protocol import externalscaler_pb2  # noqa: F401  registers the service for reflection

LIVENESS_SERVICES = ("", "liveness")
READINESS_SERVICES = ("readiness", SERVICE)
MOST_MESSAGE_BYTES = 4 * 1024 * 1024
DRAIN_SECONDS = 2.0

_OPTIONS: tuple[tuple[str, int], ...] = (
    # Two processes on one port would share its calls unseen.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MOST_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MOST_MESSAGE_BYTES),
    # With the defaults half of a burst of streams is refused.
    ("grpc.server.max_pending_requests", 100_000),
    ("grpc.server.max_pending_requests_hard_limit", 100_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)


class GrpcServer:
    """KEDA's door: the scaler, health and reflection on one port."""

    def __init__(self, servicer: Servicer, *, host: str, port: int) -> None:
        self._host = host
        self._server = grpc.aio.server(options=_OPTIONS)
        self._health = health.aio.HealthServicer()
        self._server.add_generic_rpc_handlers((servicer.handlers(),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._add_reflection()
        self.port = self._bind(host, port)

    async def start(self) -> None:
        """Accept calls: alive, and not ready until told so."""
        for service in LIVENESS_SERVICES:
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        await self.set_ready(ready=False)
        await self._server.start()

    async def set_ready(self, *, ready: bool) -> None:
        """Tell the readiness services."""
        status = health_pb2.HealthCheckResponse.ServingStatus
        for service in READINESS_SERVICES:
            await self._health.set(service, status.SERVING if ready else status.NOT_SERVING)

    async def stop(self) -> None:
        """Take no new calls, let the running ones end, cut what is left."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(DRAIN_SECONDS)

    def _bind(self, host: str, port: int) -> int:
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return self._server.add_insecure_port(address)

    def _add_reflection(self) -> None:
        servicer = reflection.aio.ReflectionServicer((SERVICE, health.SERVICE_NAME))
        # v1 has the messages of v1alpha under another service name.
        for service in ("grpc.reflection.v1.ServerReflection", reflection.SERVICE_NAME):
            method = grpc.stream_stream_rpc_method_handler(
                servicer.ServerReflectionInfo,
                request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
                response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
            )
            handler = grpc.method_handlers_generic_handler(
                service, {"ServerReflectionInfo": method}
            )
            self._server.add_generic_rpc_handlers((handler,))
