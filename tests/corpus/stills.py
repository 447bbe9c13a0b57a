"""All stills of the corpus: over 400, made by script, none of them in the repository.

Real files come from folders that PHOTODUCT_CORPUS_FOLDER names; docs/testing.md says where public ones are found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.corpus import further, heics, hurt, jpegs, modern, others, pngs

if TYPE_CHECKING:
    from tests.corpus.cases import Case


def cases() -> list[Case]:
    """Return all cases, class by class."""
    return [
        *jpegs.cases(),
        *pngs.cases(),
        *heics.cases(),
        *modern.cases(),
        *others.cases(),
        *hurt.cases(),
        *further.stills(),
    ]
