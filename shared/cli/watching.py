"""`photoduct watch`: shows what is in work and how far it is, until Ctrl-C; it asks and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.live import Live
from rich.text import Text

from shared.cli import showing
from shared.cli.asking import with_operator

if TYPE_CHECKING:
    from shared.cli.asking import Operator

EVERY_S: Final = 1.0
_NOTHING: Final = "Nothing is being compressed."


def watch() -> None:
    """Show how far each file is that is being compressed, until Ctrl-C."""
    with_operator(_shown if showing.console.is_terminal else _printed)


async def _shown(one: Operator) -> None:
    with Live(console=showing.console) as live:
        while True:
            live.update(Text(await _words(one)))


async def _printed(one: Operator) -> None:
    """Print what has changed, for a file or another program."""
    before = ""
    while True:
        if (now := await _words(one)) != before:
            showing.console.print(now, markup=False, highlight=False, soft_wrap=True)
        before = now


async def _words(one: Operator) -> str:
    return "\n".join(showing.lines(await one.progress(EVERY_S))) or _NOTHING
