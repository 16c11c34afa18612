"""Structured logs: one event a line, console or JSON, with secrets cut out.

Redaction is the second line of defence: no code passes a secret to a logger in the first place.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_SECRET_WORDS = ("password", "secret", "private", "mnemonic", "token")
_REDACTED = "[redacted]"


def configure_logs(*, log_format: str, log_level: str) -> None:
    """Send logs of this process to standard error."""
    level = getattr(logging, log_level.upper())
    renderer: Any = (
        structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact_secrets,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)


def redact_secrets(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace values whose key names a secret, and show bytes as short hex."""
    for key, value in event.items():
        if any(word in key.lower() for word in _SECRET_WORDS):
            event[key] = _REDACTED
        elif isinstance(value, bytes):
            event[key] = f"0x{value[:8].hex()}…" if len(value) > 8 else f"0x{value.hex()}"
    return event


def get_log(**facts: object) -> Any:
    """Return a logger with facts that every line carries."""
    return structlog.get_logger(**facts)


def suffix_ms(durations_ms: Mapping[str, int]) -> dict[str, int]:
    """Return milliseconds by stage as fields of a log line, each with its unit."""
    return {f"{stage}_ms": duration for stage, duration in durations_ms.items()}
