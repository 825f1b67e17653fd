"""Logs: constant messages with key-values, as text for people or as JSON for machines."""

import logging
import sys
from typing import Final, Literal

from pythonjsonlogger.json import JsonFormatter

_STANDARD: Final = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


class TextFormatter(logging.Formatter):
    """Time, level, message, then key=value for every extra."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, with a traceback below it where there is one."""
        line = super().format(record)
        pairs = " ".join(f"{key}={value}" for key, value in vars(record).items() if key not in _STANDARD)
        head, newline, rest = line.partition("\n")
        return f"{head} {pairs}".rstrip() + newline + rest


def configure_logs(format_: Literal["text", "json"], level: str) -> None:
    """Send all logs to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    if format_ == "json":
        fields = {"asctime": "time", "levelname": "level", "name": "logger"}
        handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=fields))
    else:
        handler.setFormatter(TextFormatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
