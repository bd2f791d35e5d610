"""`carbon-scaler doctor`: what is configured, reachable, missing."""

from dataclasses import asdict

import typer

from carbon_scaler.cli.context import PolicyDir, prepared, run_loop
from carbon_scaler.cli.exits import CONFIGURATION, DATABASE
from carbon_scaler.cli.output import JsonFlag, print_json, print_table
from carbon_scaler.config.settings import Settings
from carbon_scaler.wiring.doctor.examination import examine
from carbon_scaler.wiring.doctor.findings import Finding, State

MARKS = {State.GOOD: "ok", State.WARNING: "warn", State.BAD: "FAIL"}


def doctor(policy_dir: PolicyDir = None, json: JsonFlag = False) -> None:
    """Try everything that is configured and say what is missing.

    Exit 3 when the database fails, 1 when something else does.
    """
    settings, environment = prepared(quiet=True, policy_dir=policy_dir)
    findings = run_loop(_all(settings, environment))
    if json:
        print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        print_table(("", "check", "finding"), ((MARKS[f.state], f.check, f.text) for f in findings))
    failed = [finding.check for finding in findings if finding.state is State.BAD]
    if failed:
        raise typer.Exit(DATABASE if "database" in failed else CONFIGURATION)


async def _all(settings: Settings, environment: dict[str, str]) -> list[Finding]:
    return [finding async for finding in examine(settings, environment)]
