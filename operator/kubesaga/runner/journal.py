"""Objects on disk: every write is durable when the call returns."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kubesaga.controller.cluster import Raw, Resource
from kubesaga.controller.errors import Unavailable

Key = tuple[Resource, str, str]
"""Resource, namespace and name."""


class Journal:
    """The objects of one store in a SQLite file, or in memory. Raises Unavailable where the disk refuses."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        try:
            self._database = sqlite3.connect(path, isolation_level=None)
            # FULL: what was answered must survive a crash of the machine too, since an effect follows it.
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS objects"
                " (resource TEXT, namespace TEXT, name TEXT, raw TEXT, PRIMARY KEY (resource, namespace, name))"
            )
        except sqlite3.Error as error:
            raise _unavailable(error) from error

    def load(self) -> Iterator[tuple[Key, Raw]]:
        """Every object, in the order of their last writes' keys."""
        try:
            rows = self._database.execute("SELECT resource, namespace, name, raw FROM objects ORDER BY rowid")
            for resource, namespace, name, raw in rows:
                yield (resource, namespace, name), json.loads(raw)
        except (sqlite3.Error, ValueError) as error:
            raise _unavailable(error) from error

    def write(self, key: Key, raw: Raw) -> None:
        """Write one object."""
        self._do("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", (*key, json.dumps(raw)))

    def remove(self, key: Key) -> None:
        """Remove one object."""
        self._do("DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?", key)

    def begin_anew(self) -> None:
        """Remove every object at once."""
        self._do("DELETE FROM objects", ())

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _do(self, statement: str, values: tuple[Any, ...]) -> None:
        try:
            self._database.execute(statement, values)
        except sqlite3.Error as error:
            raise _unavailable(error) from error


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable(0, "Storage", f"the state cannot be read or written: {error}")
