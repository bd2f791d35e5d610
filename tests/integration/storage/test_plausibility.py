"""Values that cannot be right are kept and marked, whoever writes them."""

import asyncpg
import pytest

from carbon_scaler.storage.pool import Pool

BOTH_VERSIONS = pytest.mark.parametrize("postgres", ["embedded", "debian15"], indirect=True)


async def typed(pool: Pool, **values: object) -> asyncpg.Record:
    """The row as it is kept; what is not stated is an ordinary value typed by hand."""
    row = {"region": "'us-east-1'", "timestamp": "now()", "gco2_per_kwh": 300} | values
    written: asyncpg.Record | None = await pool.fetchrow(
        f"INSERT INTO co2e_emissions ({', '.join(row)}) "
        f"VALUES ({', '.join(map(str, row.values()))}) RETURNING *"
    )
    assert written is not None
    return written


async def updated(pool: Pool, assignments: str) -> asyncpg.Record:
    row: asyncpg.Record | None = await pool.fetchrow(
        f"UPDATE co2e_emissions SET {assignments} RETURNING *"
    )
    assert row is not None
    return row


FLAGS = {
    "-0.0001": "negative",
    "-500": "negative",
    "0": "zero",
    "0.00001": "zero",
    "0.0001": None,
    "2000": None,
    "2000.0001": "above_2000",
    "'NaN'": "not_a_number",
}


@BOTH_VERSIONS
async def test_an_implausible_value_is_kept_and_flagged(pool: Pool):
    rows = {value: await typed(pool, gco2_per_kwh=value) for value in FLAGS}

    assert {value: row["flagged"] for value, row in rows.items()} == FLAGS


async def test_zero_is_plausible_at_the_stack(pool: Pool):
    assert (await typed(pool, gco2_per_kwh=0, factors="'direct'"))["flagged"] is None


async def test_a_correction_lifts_the_flag_and_a_new_mistake_sets_it(pool: Pool):
    await typed(pool, gco2_per_kwh=-5)

    assert (await updated(pool, "gco2_per_kwh = 300"))["flagged"] is None
    assert (await updated(pool, "gco2_per_kwh = 3000"))["flagged"] == "above_2000"
    assert (await updated(pool, "gco2_per_kwh = 0"))["flagged"] == "zero"
    assert (await updated(pool, "factors = 'direct'"))["flagged"] is None


async def test_a_flag_cannot_be_taken_off_an_implausible_value(pool: Pool):
    await typed(pool, gco2_per_kwh=-5)

    await pool.execute("UPDATE co2e_emissions SET flagged = NULL")

    assert await pool.fetchval("SELECT flagged FROM co2e_emissions") == "negative"


async def test_a_flag_set_by_hand_holds_until_the_value_changes(pool: Pool):
    await typed(pool)
    await updated(pool, "flagged = 'broken meter'")

    assert (await updated(pool, "confidence_score = 0.5"))["flagged"] == "broken meter"
    assert (await updated(pool, "gco2_per_kwh = 310"))["flagged"] is None


async def test_a_forecast_among_observations_never_decides(pool: Pool):
    row = await typed(pool, source="'a'", data_quality="'forecast'")

    assert (row["flagged"], row["kind"]) == ("forecast", "estimated")
    assert (await updated(pool, "data_quality = 'real_time'"))["flagged"] is None


async def test_kind_and_quality_follow_from_what_is_stated(pool: Pool):
    for stated, kind, quality in (
        ({"source": "'manual'"}, "manual", "manual"),
        ({"source": "'manual'", "data_quality": "'real_time'"}, "manual", "real_time"),
        ({"source": "'a'"}, "measured", "real_time"),
        ({"source": "'a'", "data_quality": "'historical'"}, "measured", "historical"),
        ({"source": "'a'", "data_quality": "'estimated'"}, "estimated", "estimated"),
        ({"source": "'a'", "data_quality": "'static'"}, "static", "static"),
        ({"source": "'a'", "kind": "'estimated'"}, "estimated", "estimated"),
        ({"source": "'manual'", "kind": "'measured'"}, "measured", "real_time"),
        ({}, "manual", "manual"),
    ):
        row = await typed(pool, **stated)
        assert (row["kind"], row["data_quality"]) == (kind, quality), stated


async def test_kind_and_quality_follow_one_another_when_one_changes(pool: Pool):
    await typed(pool, source="'a'", data_quality="'estimated'")

    assert (await updated(pool, "data_quality = 'real_time'"))["kind"] == "measured"
    assert (await updated(pool, "kind = 'estimated'"))["data_quality"] == "estimated"


async def test_what_no_column_can_mean_is_refused(pool: Pool):
    for column, value in (
        ("energy_mix_solar", "101"),
        ("energy_mix_hydro", "-1"),
        ("energy_mix_wind", "'NaN'"),
        ("confidence_score", "1.5"),
        ("data_quality", "'good'"),
        ("signal", "'total'"),
        ("factors", "'none'"),
        ("kind", "'forecast'"),
        ("timestamp", "'infinity'"),
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await typed(pool, **{column: value})


async def test_a_changed_value_leaves_the_former_one_in_the_revisions(pool: Pool):
    first = await typed(pool, gco2_per_kwh=300)
    second = await updated(pool, "gco2_per_kwh = 310, created_at = now() - interval '1 day'")

    former = await pool.fetchrow("SELECT * FROM co2e_emissions_revisions")

    assert former is not None
    assert former["gco2_per_kwh"] == 300
    assert (former["updated_at"], former["replaced_at"]) == (
        first["updated_at"],
        second["updated_at"],
    )
    assert second["updated_at"] > first["updated_at"]
    assert (second["id"], second["created_at"]) == (first["id"], first["created_at"])


async def test_an_update_that_changes_nothing_is_none(pool: Pool):
    first = await typed(pool, gco2_per_kwh=300)

    result = await pool.execute(
        "UPDATE co2e_emissions SET gco2_per_kwh = 300.00, updated_at = now(), fetched_at = now()"
    )

    assert result == "UPDATE 0"
    assert await pool.fetchrow("SELECT * FROM co2e_emissions") == first
    assert await pool.fetchval("SELECT count(*) FROM co2e_emissions_revisions") == 0


async def test_new_metadata_alone_is_kept_but_is_no_new_value(pool: Pool):
    first = await typed(pool, gco2_per_kwh=300)

    second = await updated(pool, """metadata = '{"note": "seen"}'""")

    assert second["metadata"] == '{"note": "seen"}'
    assert second["updated_at"] == first["updated_at"]
    assert await pool.fetchval("SELECT count(*) FROM co2e_emissions_revisions") == 0
