"""Writes belong to a term and are refused once it is over."""

from carbon_scaler.application.terms import SupersededError
from carbon_scaler.storage.pool import Connection

# What a leader left half done must not keep the next one from taking over.
_PRESENT_TERM = """
SELECT token
FROM ingest_leadership, set_config('idle_in_transaction_session_timeout', '10s', true)
FOR SHARE OF ingest_leadership
"""


async def require_term(connection: Connection, term: int | None) -> None:
    """Raises if another term has begun; keeps the next from beginning in this transaction."""
    if term is None:
        return
    token = await connection.fetchval(_PRESENT_TERM)
    if token != term:
        raise SupersededError(
            f"another ingest process leads now (term {token}): what this one fetched in "
            f"term {term} is not written"
        )
