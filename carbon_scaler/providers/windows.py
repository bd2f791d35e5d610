"""Long periods, asked for in parts that one answer may hold."""

from collections.abc import Iterator
from datetime import datetime, timedelta


def windows(
    since: datetime, until: datetime, *, longest: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    """[since, until) in parts, ascending."""
    start = since
    while start < until:
        end = min(start + longest, until)
        yield start, end
        start = end
