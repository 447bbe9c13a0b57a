"""Commands about photoduct's own books: back up, export, migrate, restore; none of them touches a photo."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import Annotated, NoReturn

import typer

from shared.cli import running, showing
from shared.cli.asking import Operator, with_operator
from shared.domain import questions
from shared.domain.errors import Fatal

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
    _on_stopped_books("migrate", to)


@app.command()
def restore(file: Annotated[Path, typer.Argument(help="A backup.")]) -> None:
    """Put a backup in the books' place; photoduct has to be stopped. The present books are kept aside."""
    _on_stopped_books("restore", str(file.absolute()))


@app.command("rename-account")
def rename_account() -> None:
    """Say that `icloud.apple_id` is the same Apple Account under a new address; photoduct has to be stopped."""
    _on_stopped_books("rename-account")


def _on_stopped_books(*arguments: str) -> NoReturn:
    """Run the state service's own tool; Fatal in the tool's container, which has neither the books nor a database library."""
    if find_spec("sqlalchemy") is None:
        raise Fatal(
            "The books are not in this container: stop the state service, then `docker compose run --rm books "
            f"{arguments[0]} ...`"
        )
    raise typer.Exit(running.program("services.state.tools", arguments))


def _made(target: str | None) -> str:
    async def call(one: Operator) -> questions.BackupMade:
        question = questions.BackupNow(target=target)
        return await one.ask("backup", question, questions.BackupMade, within=_WITHIN_SECONDS)

    made: questions.BackupMade = with_operator(call)
    return made.path
