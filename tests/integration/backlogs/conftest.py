"""TEMPORARY until tests/integration/conftest.py is there."""

import itertools
from pathlib import Path

import asyncpg
import pytest

_numbers = itertools.count()


@pytest.fixture
async def database_url():
    base = Path("/tmp/bl/srv.out").read_text().splitlines()[0]
    name = f"t{next(_numbers)}_{id(object())}"
    admin = await asyncpg.connect(base)
    await admin.execute(f'CREATE DATABASE "{name}"')
    yield base.replace("/postgres?", f"/{name}?")
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()
