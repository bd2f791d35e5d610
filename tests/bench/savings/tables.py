"""Tables as text for a terminal and as Markdown for the page."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under headings; the first column is words, the others are figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def text(self) -> str:
        """Columns as wide as they need to be."""
        widths = [max(map(len, cells)) for cells in zip(self.columns, *self.rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if place == 0 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
            )
            for cells in (self.columns, *self.rows)
        ]
        return "\n".join([self.title, *lines, *self.notes])

    def markdown(self) -> str:
        """A heading, a table, and the notes below it."""
        rule = "|".join(["---", *["---:"] * (len(self.columns) - 1)])
        lines = [f"| {' | '.join(cells)} |" for cells in (self.columns, *self.rows)]
        table = "\n".join([lines[0], f"|{rule}|", *lines[1:]])
        # An asterisk would begin a list or stressed words.
        return "\n\n".join([f"### {self.title}", table, *self.notes]).replace("*", r"\*")
