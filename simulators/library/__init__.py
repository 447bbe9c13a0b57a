"""A made-up photo library for demos and tests; it reads nothing of a person's own photos."""

from simulators.library.make import generate

__all__ = ["generate"]
