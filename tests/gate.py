"""A gate that a process waits at: how tests and processes meet without sleeping."""

import asyncio
import os
import threading
from pathlib import Path

WAIT_SECONDS = 20


class Gate:
    """A FIFO. `cat GATE` in a process waits until the test opens it."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def open(self) -> None:
        """Wait for the process to come to the gate, and let it through."""
        thread = threading.Thread(target=self.path.write_text, args=("go",), daemon=True)
        thread.start()
        thread.join(WAIT_SECONDS)
        if thread.is_alive():
            raise TimeoutError(f"nobody came to {self.path}")

    async def opened(self) -> None:
        """The same, while the event loop goes on."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def write() -> None:
            self.path.write_text("go")
            loop.call_soon_threadsafe(lambda: done.done() or done.set_result(None))

        threading.Thread(target=write, daemon=True).start()
        async with asyncio.timeout(WAIT_SECONDS):
            await done

    @property
    def awaited(self) -> bool:
        """Whether some process reads at it right now."""
        try:
            os.close(os.open(self.path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return True
