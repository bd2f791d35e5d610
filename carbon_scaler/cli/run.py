"""`carbon-scaler run`: everything on this machine."""

import json
import shutil
import sys

from rich.text import Text

from carbon_scaler.cli.context import PolicyDir, ReplayFile, ReplaySpeed, prepared, run_loop
from carbon_scaler.cli.output import console
from carbon_scaler.config.environment import default_data_dir, read_environment
from carbon_scaler.config.settings import DEFAULT_RUN_REGION, Settings
from carbon_scaler.config.source_list import live
from carbon_scaler.storage.pool import redacted
from carbon_scaler.wiring import run as wiring
from carbon_scaler.wiring.serving import Serving


def run(
    replay: ReplayFile = None,
    replay_speed: ReplaySpeed = None,
    policy_dir: PolicyDir = None,
) -> None:
    """Try it: embedded Postgres (or DATABASE_URL), grid data, gRPC and HTTP.

    Nothing else is needed. The data are live where a source is configured or CARBON_SCALER_REGION
    is in Great Britain, else replayed. Ctrl-C stops everything; the data stay.
    """
    settings, environment = prepared(
        replay_file=replay, replay_speed=replay_speed, policy_dir=policy_dir
    )
    run_loop(wiring.run(settings, environment, _announce))


def _announce(serving: Serving, database_url: str) -> None:
    settings, server = serving.settings, serving.server
    region = settings.region or DEFAULT_RUN_REGION
    grpc, http = f"{settings.bind}:{server.grpc_port}", f"{settings.bind}:{server.http_port}"
    embedded = settings.database_url is None
    trigger = f"region={region} mode=brake workloadClass=deferrable"
    text = Text(no_wrap=True, overflow="ignore")
    text.append("carbon-scaler ", "bold")
    text.append(f"{server.version}: a KEDA external scaler that waits for a clean grid\n\n")
    text.append(f"  gRPC      {grpc}  (scalerAddress of your triggers)\n")
    text.append(f"  HTTP      http://{http}  /readyz /metrics /status\n")
    text.append(f"  database  {redacted(database_url)}{' (embedded)' if embedded else ''}\n")
    usable = server.replay is None and serving.views.has_usable_values
    text.append(f"  data      {_data(serving)}\n\n", "green" if usable else "yellow")
    text.append("Try:\n")
    text.append(f"  {_grpcurl(grpc, region)}\n")
    text.append(f"  {_where(settings, database_url)}{_program()} explain {trigger}\n")
    text.append(f"  curl -s http://{http}/status\n")
    # Not wrapped: the lines are there to be copied.
    console().print(text, soft_wrap=True)


def _data(serving: Serving) -> str:
    """What the answers go by."""
    if serving.server.replay is not None:
        return serving.server.replay
    sources = live(serving.server.sources)
    if not sources:
        return "yearly averages only, which never decide: every answer is blind"
    missing = "" if serving.views.has_usable_values else " (no usable value yet: the log says why)"
    return f"live: {', '.join(sources)}{missing}"


def _program() -> str:
    """As the user can type it in another terminal."""
    return "carbon-scaler" if shutil.which("carbon-scaler") else sys.argv[0]


def _where(settings: Settings, database_url: str) -> str:
    """What the other terminal must know, if anything."""
    if settings.database_url is not None:
        return f"DATABASE_URL='{redacted(database_url)}' "
    if settings.data_dir != default_data_dir(read_environment()):
        return f"CARBON_SCALER_DATA_DIR='{settings.data_dir}' "
    return ""


def _grpcurl(address: str, region: str) -> str:
    ref = {
        "name": "try",
        "namespace": "default",
        "scalerMetadata": {"region": region, "mode": "brake", "workloadClass": "deferrable"},
    }
    call = "externalscaler.ExternalScaler/IsActive"
    return f"grpcurl -plaintext -d '{json.dumps(ref, separators=(',', ':'))}' {address} {call}"
