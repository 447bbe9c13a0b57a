"""Makes streams and consumers as described and looks at them; it can empty a stream but has no way to delete one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from shared.domain.errors import Fatal, Transient

if TYPE_CHECKING:
    from shared.adapters.jetstream import Connection

_EXISTS: Final = (10058, 10065)  # the name, or its subjects, are in use


class Refused(Transient):
    """JetStream answered with an error; `code` is its own number."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


async def call(
    connection: Connection, api: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Call `$JS.API.<api>`; Refused when JetStream answers with an error."""
    payload = json.dumps(body).encode() if body is not None else b""
    answer = await connection.request(f"$JS.API.{api}", payload, within=10.0)
    found: dict[str, Any] = json.loads(answer.data)
    error = found.get("error")
    if error:
        text = f"JetStream refuses {api}: {error.get('description')}."
        raise Refused(text, int(error.get("err_code", 0)))
    return found


async def ensure_stream(connection: Connection, config: dict[str, Any]) -> None:
    """Create the stream, or bring its configuration up to date; Fatal when its kind cannot be changed."""
    name = config["name"]
    try:
        await call(connection, f"STREAM.CREATE.{name}", config)
    except Refused as error:
        if error.code not in _EXISTS:
            raise Fatal(str(error)) from error
        try:
            await call(connection, f"STREAM.UPDATE.{name}", config)
        except Refused as refused:
            raise Fatal(str(refused)) from refused


async def ensure_consumer(connection: Connection, stream: str, config: dict[str, Any]) -> None:
    """Create the durable consumer, or bring its configuration up to date."""
    tail = f".{config['filter_subject']}" if config.get("filter_subject") else ""
    try:
        await call(
            connection,
            f"CONSUMER.CREATE.{stream}.{config['durable_name']}{tail}",
            {"stream_name": stream, "config": config},
        )
    except Refused as refused:
        raise Fatal(str(refused)) from refused


async def stream_info(connection: Connection, stream: str) -> dict[str, Any]:
    """Return configuration and state of a stream."""
    return await call(connection, f"STREAM.INFO.{stream}")


async def consumer_info(connection: Connection, stream: str, consumer: str) -> dict[str, Any]:
    """Return configuration and state of a consumer: `ack_floor.stream_seq`, `num_pending`, `num_ack_pending`."""
    return await call(connection, f"CONSUMER.INFO.{stream}.{consumer}")


async def purge(connection: Connection, stream: str, *, before: int, subject: str = "") -> int:
    """Remove messages with numbers below `before` (of one subject); return how many."""
    body: dict[str, Any] = {"seq": before, **({"filter": subject} if subject else {})}
    return int((await call(connection, f"STREAM.PURGE.{stream}", body)).get("purged", 0))
