"""Asks a service's page, as Prometheus, Docker and Kubernetes do."""

from __future__ import annotations

import asyncio


async def asked_at(port: int, path: str) -> tuple[str, str]:
    """Return the status and the text of one page."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /{path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    head, _, text = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return head.splitlines()[0].partition(" ")[2], text
