"""Sets up logging: sentences with fields, JSON or for a terminal, to standard error; it never sees a file's content."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from shared.runtime.settings import LogSettings


def only_problems() -> None:
    """Let a command for people say nothing but errors, to standard error: its answer is its own sentence."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def set_up_logs(service: str, settings: LogSettings) -> None:
    """Configure structlog for this process; libraries' own warnings come out too."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    ending: list[Any] = (
        # Not its usual tracebacks: those show every local variable, a session's cookies among them.
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *ending,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, format=f"{service}: %(name)s: %(message)s")
