"""The place of each piece of work in a spread."""

import numpy as np

from carbon_scaler.domain.phases import phase_of, phases_of, phases_of_instants


def test_a_name_has_the_same_place_everywhere():
    assert phase_of("order-1") == 0x6E7F85A9 / 2**32  # md5, as PostgreSQL has it too
    assert phases_of(["a", "b"]).tolist() == [phase_of("a"), phase_of("b")]
    assert phase_of("a") != phase_of("b")


def test_names_spread_evenly():
    counts, _ = np.histogram(phases_of([str(n) for n in range(4000)]), bins=20, range=(0, 1))
    assert counts.min() > 140
    assert counts.max() < 260


def test_instants_spread_evenly_also_where_all_are_the_same():
    for instants in (
        np.full(1000, 1.8e9),
        1.8e9 + np.arange(1000.0),
        1.8e9 + np.arange(1000) / 1e3,
    ):
        phases = phases_of_instants(instants)
        counts, _ = np.histogram(phases, bins=10, range=(0, 1))
        assert phases.min() >= 0
        assert phases.max() < 1
        assert counts.min() > 60


def test_an_item_keeps_its_place_when_others_leave():
    instants = 1.8e9 + np.arange(50.0)
    assert (phases_of_instants(instants)[10:] == phases_of_instants(instants[10:])).all()
