"""What a step writes to standard output and error, line by line while it runs."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

LOOK_SECONDS: Final = 0.1
"""A file tells nobody that it grew. People do not see what is faster than this."""

_READ_BYTES: Final = 65_536
_LINE_BYTES_MAX: Final = 8_192
"""A longer line is shown in pieces."""


class StepLog:
    """Follows a log file and gives each new line to `said`."""

    def __init__(self, path: Path, said: Callable[[str], None], *, skip: bool) -> None:
        self._path = path
        self._said = said
        self._place = path.stat().st_size if skip and path.exists() else 0
        self._rest = b""

    async def follow(self) -> None:
        """Tell new lines until cancelled."""
        while True:
            self.tell()
            await asyncio.sleep(LOOK_SECONDS)

    def tell(self) -> None:
        """Tell the lines that are complete by now."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._place)
            while read := file.read(_READ_BYTES):
                self._place += len(read)
                *lines, self._rest = (self._rest + read).split(b"\n")
                for line in lines:
                    self._say(line)
                if len(self._rest) > _LINE_BYTES_MAX:
                    self._say(self._rest)
                    self._rest = b""

    def finish(self) -> None:
        """Tell what is left, also a last line without an end."""
        self.tell()
        if self._rest:
            self._say(self._rest)
            self._rest = b""

    def _say(self, line: bytes) -> None:
        self._said(line.decode(errors="replace"))


def tail(path: Path, length: int) -> bytes:
    """The last bytes of a file."""
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - length))
        return file.read(length)
