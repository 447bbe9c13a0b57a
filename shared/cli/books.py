"""Commands about photoduct's own books: back up, export, migrate, restore; none of them touches a photo."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import Annotated

import typer

from shared.cli import running, showing
from shared.cli.asking import Operator, with_operator
from shared.domain import questions

app = typer.Typer(no_args_is_help=True, help="photoduct's own books: export, move, restore.")
_WITHIN_SECONDS = 600.0


def backup() -> None:
    """Back up the books now, while photoduct runs."""
    showing.console.print(f"The books are backed up: {_made(None)}", markup=False)


@app.command()
def export(file: Annotated[Path, typer.Argument(help="A new file.")]) -> None:
    """Write a snapshot of the books as a SQLite file for your own queries (table `media`)."""
    showing.console.print(f"The books as of now: {_made(str(file.absolute()))}", markup=False)


@app.command()
def migrate(
    to: Annotated[
        str, typer.Option(help="`sqlite`, or a URL `postgresql+psycopg://USER@HOST/NAME`.")
    ],
) -> None:
    """Copy the books into another, empty database, and compare them; photoduct has to be stopped.

    The password comes from `state.database_password_file`, never from the command line.
    """
    if "@" in to and ":" in to.partition("://")[2].rpartition("@")[0]:
        raise typer.BadParameter("leave the password out; set state.database_password_file")
    raise typer.Exit(running.program("services.state.tools", ["migrate", to]))


@app.command()
def restore(file: Annotated[Path, typer.Argument(help="A backup.")]) -> None:
    """Put a backup in the books' place; photoduct has to be stopped. The present books are kept aside."""
    raise typer.Exit(running.program("services.state.tools", ["restore", str(file.absolute())]))


def _made(target: str | None) -> str:
    async def call(one: Operator) -> questions.BackupMade:
        question = questions.BackupNow(target=target)
        return await one.ask("backup", question, questions.BackupMade, within=_WITHIN_SECONDS)

    made: questions.BackupMade = with_operator(call)
    return made.path
