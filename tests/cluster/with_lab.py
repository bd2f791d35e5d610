"""Run a command against a control plane of plain processes: `python -m tests.cluster.with_lab DIR -- COMMAND…`.

DIR holds `lab.py` and `build.sh`. The exit code is the command's; the lab goes down with it.
"""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "keda-operator")
CRDS = Path("share", "keda-crds.yaml")
USAGE = "usage: python -m tests.cluster.with_lab DIR -- COMMAND…"


def main(arguments: list[str]) -> int:
    """Up, run, down."""
    if len(arguments) < 3 or arguments[1] != "--":
        print(USAGE, file=sys.stderr)
        return 1
    directory, command = Path(arguments[0]).resolve(), arguments[2:]
    lab = _lab(directory)
    _build_what_is_missing(directory, lab.CACHE)
    signal.signal(signal.SIGTERM, _stop)
    with lab.Lab() as running:
        seconds = running.timings["total"]
        print(f"with_lab: Kubernetes and KEDA are up after {seconds:.1f} s", file=sys.stderr)
        path = f"{os.environ['PATH']}{os.pathsep}{running.bin}"  # kubectl, where there is no other
        variables = {"KUBECONFIG": str(running.kubeconfig), "PATH": path}
        return _run(command, {**os.environ, **variables})


def _lab(directory: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location("lab", directory / "lab.py")
    if specification is None or specification.loader is None or not (directory / "lab.py").exists():
        raise SystemExit(f"with_lab: {directory} has no lab.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _build_what_is_missing(directory: Path, cache: Path) -> None:
    needed = [*(cache / "bin" / program for program in PROGRAMS), cache / CRDS]
    if not all(path.exists() for path in needed):
        subprocess.run([directory / "build.sh", *PROGRAMS], check=True, stdout=sys.stderr)


def _run(command: list[str], environment: dict[str, str]) -> int:
    with subprocess.Popen(command, env=environment) as process:
        try:
            code = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    return code if code >= 0 else 128 - code


def _stop(*_: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
