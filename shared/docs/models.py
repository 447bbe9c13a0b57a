"""Reads the models' own source for their fields and comments; it knows text only and runs nothing it reads."""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class FieldDoc:
    """One field as it stands in the source: its type and default as text, its docstring or nothing."""

    name: str
    type: str
    default: str | None
    about: str


def own_fields(model: type[BaseModel]) -> tuple[FieldDoc, ...]:
    """Return the fields that a model adds to its parent; `type` and `v` say nothing of their own and are left out."""
    return tuple(field for field in _fields(model) if field.name not in {"type", "v"})


def summary(model: type[BaseModel]) -> str:
    """Return a model's docstring on one line."""
    return " ".join((model.__doc__ or "").split())


def _fields(model: type[BaseModel]) -> Iterator[FieldDoc]:
    body = _classes(model.__module__)[model.__name__].body
    for node, follower in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            default = None if node.value is None else ast.unparse(node.value)
            yield FieldDoc(
                node.target.id, ast.unparse(node.annotation), default, _docstring(follower)
            )


def _docstring(node: ast.stmt | None) -> str:
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return " ".join(text.split())
        case _:
            return ""


@cache
def _classes(module: str) -> dict[str, ast.ClassDef]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
