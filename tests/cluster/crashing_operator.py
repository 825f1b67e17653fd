"""The operator, killed by itself at one of its own writes: `CRASH_AT=N CRASH_WHEN=before|after`.

Every status patch and every Job creation counts. The process ends by SIGKILL: nothing is cleaned up, nothing is told.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from kubesaga.controller.cluster_client import ClusterClient
from kubesaga.controller.entrypoint import main
from kubesaga.controller.settings import Settings

CRASH_AT = int(os.environ["CRASH_AT"])
CRASH_WHEN = os.environ["CRASH_WHEN"]
writes = 0


def crashing(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The call, with the crash before or after it."""

    async def wrapped(*arguments: Any) -> Any:
        global writes
        writes += 1
        mine = writes == CRASH_AT
        if mine and CRASH_WHEN == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = await call(*arguments)
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return wrapped


if __name__ == "__main__":
    for name in ("patch_status", "create_job"):
        setattr(ClusterClient, name, crashing(getattr(ClusterClient, name)))
    options = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    sys.exit(main(Settings((options["--namespace"],), http_port=int(options["--http-port"]))))
