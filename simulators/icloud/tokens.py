"""Sync tokens: opaque places in a change feed; a token never carries a secret."""

import base64
import hashlib
from typing import Literal

Scope = Literal["zone", "database"]


class BadToken(ValueError):
    """The token is not one of this feed's."""


def make_token(scope: Scope, feed: str, seq: int) -> str:
    """Name the place `seq` in a feed."""
    body = f"{scope}|{feed}|{seq}"
    return base64.b64encode(f"{body}|{_mark(body)}".encode()).decode()


def read_token(token: str, scope: Scope, feed: str, newest: int) -> int:
    """Give the place a token names; raises BadToken for another feed's, a forged or a future one."""
    try:
        body, _, mark = base64.b64decode(token, validate=True).decode().rpartition("|")
        found_scope, found_feed, seq = body.split("|")
        place = int(seq)
    except ValueError as error:
        raise BadToken(token) from error
    if (found_scope, found_feed, mark) != (scope, feed, _mark(body)) or place > newest:
        raise BadToken(token)
    return place


def _mark(body: str) -> str:
    return hashlib.sha256(f"sync token {body}".encode()).hexdigest()[:12]
