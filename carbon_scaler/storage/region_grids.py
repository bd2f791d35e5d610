"""Which values count for a region, as ingest has told all readers."""

from carbon_scaler.domain.intensity import Basis, Factors, Signal
from carbon_scaler.domain.regions import CloudRegion, RegionGrid
from carbon_scaler.storage.pool import Pool, failures_explained

_GRID = "SELECT signal, factors, chain FROM grid_regions WHERE region = $1"


async def read_grid(pool: Pool, region: CloudRegion, *, server: str) -> RegionGrid:
    """A region that nobody has configured counts values of any source on the usual basis."""
    with failures_explained(server):
        row = await pool.fetchrow(_GRID, region.name)
    if row is None:
        return RegionGrid(region=region, basis=Basis(), chain=())
    basis = Basis(signal=Signal(row["signal"]), factors=Factors(row["factors"]))
    return RegionGrid(region=region, basis=basis, chain=tuple(row["chain"]))
