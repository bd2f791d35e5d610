"""Generate KEDA's stubs from proto/ into a directory: `python -m tests.architecture.generate_protocol DIR`."""

import sys
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "carbon_scaler/protocol"


def generate(target: Path) -> list[Path]:
    """Write the generated modules into `target` and return their paths."""
    # The virtual path makes the generated modules import each other by their package.
    scratch = target.resolve()
    output = scratch
    for _ in Path(PACKAGE).parts:
        output = output.parent
    well_known = resources.files("grpc_tools") / "_proto"
    arguments = [
        "protoc",
        f"-I{PACKAGE}={ROOT / 'proto'}",
        f"-I{well_known}",
        f"--plugin=protoc-gen-mypy={Path(sys.executable).parent / 'protoc-gen-mypy'}",
        f"--python_out={output}",
        f"--grpc_python_out={output}",
        f"--mypy_out=quiet:{output}",
        f"{PACKAGE}/externalscaler.proto",
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc failed")
    return sorted(scratch.glob("externalscaler_pb2*.py*"))


if __name__ == "__main__":
    for path in generate(Path(sys.argv[1])):
        print(path)
