from pathlib import Path

from tests.architecture.generate_protocol import PACKAGE, ROOT, generate


def test_generated_stubs_are_what_the_proto_gives(tmp_path: Path):
    target = tmp_path / PACKAGE
    target.mkdir(parents=True)

    fresh = {path.name: path.read_text() for path in generate(target)}

    kept = {path.name: path.read_text() for path in (ROOT / PACKAGE).glob("externalscaler_pb2*")}
    assert kept == fresh, "run `make proto`"
