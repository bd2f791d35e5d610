"""`carbon-scaler serve`: the server alone."""

from carbon_scaler.cli.context import PolicyDir, prepared, run_loop
from carbon_scaler.wiring import run as wiring


def serve(policy_dir: PolicyDir = None) -> None:
    """Answer KEDA from what DATABASE_URL holds.

    Keeps nothing itself, so any number may run. Starts without the database too: not ready until
    it is there.
    """
    settings, environment = prepared(policy_dir=policy_dir)
    run_loop(wiring.serve(settings, environment))
