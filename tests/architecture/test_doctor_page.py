"""docs/doctor.md has each thing that doctor advises for a source that fails."""

import re
from pathlib import Path

import pytest

from carbon_scaler.application.grid_sources import ErrorKind
from carbon_scaler.wiring.doctor.sources import ADVICE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "doctor.md").read_text()
# The provider's own trouble, which nobody here can mend, and what has a network step of its own.
WITHOUT_A_ROW = {ErrorKind.SERVER, ErrorKind.TIMEOUT, ErrorKind.UNREACHABLE, ErrorKind.QUOTA}


def test_there_is_advice_for_every_way_in_which_a_source_fails():
    assert set(ADVICE) == set(ErrorKind)


@pytest.mark.parametrize("kind", sorted(set(ErrorKind) - WITHOUT_A_ROW))
def test_what_doctor_advises_is_explained(kind: ErrorKind):
    first_words = re.split(r"[;,:?]", ADVICE[kind])[0]

    assert first_words in PAGE
