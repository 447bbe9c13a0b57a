"""Prints what became of the corpus, class by class, at the end of a whole run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.corpus import exiftool
from tests.corpus.cases import ALL, FOLDER, End
from tests.corpus.running import TALLY

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, and every reason that was given."""
    exiftool.end()
    if not TALLY.outcomes or not (ALL or FOLDER):
        return
    line = terminalreporter.write_line
    line("| class | tries | compressed | left | unreadable | failed | saved of the compressed |")
    line("| --- | --- | --- | --- | --- | --- | --- |")
    for group in dict.fromkeys(one.group for one in TALLY.outcomes):
        found = [one for one in TALLY.outcomes if one.group == group]
        ends = Counter(one.end for one in found)
        made = [one for one in found if one.end is End.COMPRESSED]
        before = sum(one.before for one in made)
        saved = f"{1 - sum(one.after for one in made) / before:.0%}" if before else "-"
        cells = (group, len(found), *(ends[end] for end in End), saved)
        line("| " + " | ".join(map(str, cells)) + " |")
    line("")
    for (end, reason), number in Counter(
        (one.end, one.reason) for one in TALLY.outcomes if one.reason
    ).most_common():
        line(f"{number:5} {end}: {reason}")
