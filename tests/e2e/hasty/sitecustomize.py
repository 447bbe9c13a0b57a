"""Python runs this at the start of each process that has this folder in its path."""

from tests.e2e.hasten import hasten

hasten()
