"""Opens a line to Postgres of which both ends soon notice when it is cut; it never looks at what lies there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, event

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

_HERE: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""How soon we notice, in seconds and milliseconds."""
_THERE: Final = tuple(
    f"SET tcp_{name} = {value}" for name, value in _HERE.items() if "keep" in name
)
"""How soon the server does: until then it keeps the locks of whoever is cut off; by itself that is two hours."""


def line_to(url: str, **options: Any) -> Engine:
    """Return an engine for a Postgres URL; `options` are SQLAlchemy's."""
    engine = create_engine(url, connect_args=_HERE, **options)

    @event.listens_for(engine, "connect")
    def _notice(connection: Any, _record: object) -> None:
        for statement in _THERE:
            connection.execute(statement)
        connection.commit()  # else the first rollback takes them back

    return engine
