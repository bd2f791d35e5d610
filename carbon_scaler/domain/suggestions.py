"""Did you mean …?"""

import difflib
from collections.abc import Iterable

# Comparing is quadratic in the length: a user's typo is short.
_LONGEST = 64


def did_you_mean(text: str, names: Iterable[str]) -> str | None:
    """The known name that a typo most likely meant."""
    if len(text) > _LONGEST:
        return None
    by_folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(text.casefold(), by_folded, n=1, cutoff=0.7)
    return by_folded[close[0]] if close else None


def allowed_names(text: str | None, names: Iterable[str], *, most: int = 12) -> str:
    """What is allowed, the likely one first: `did you mean "a"? one of a, b, c`."""
    known = sorted(names)
    listed = ", ".join(known[:most]) + (", …" if len(known) > most else "")
    suggestion = did_you_mean(text, known) if text else None
    choice = f"one of {listed}" if known else "there is none"
    return f'did you mean "{suggestion}"? {choice}' if suggestion else choice
