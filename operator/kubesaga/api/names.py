"""Names that are decided once: labels, annotations, environment variables, deterministic Job names and keys.

Every name is a function of what it names; nothing here is random, so a decision that is taken again after a crash
leads to the same names.
"""

import hashlib
import json
from base64 import b32encode
from enum import StrEnum
from functools import lru_cache
from typing import Final

from kubesaga.api.group import GROUP
from kubesaga.api.limits import JOB_NAME_LENGTH_MAX

LABEL_WORKFLOW_UID: Final = f"{GROUP}/workflow-uid"
LABEL_STEP: Final = f"{GROUP}/step"
LABEL_DIRECTION: Final = f"{GROUP}/direction"
LABEL_ATTEMPT: Final = f"{GROUP}/attempt"
LABEL_EPOCH: Final = f"{GROUP}/epoch"
LABEL_TOMBSTONE: Final = f"{GROUP}/tombstone"
LABEL_CONTROLLER_UID: Final = "batch.kubernetes.io/controller-uid"
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "kubesaga"
ANNOTATION_WORKFLOW: Final = f"{GROUP}/workflow"
ANNOTATION_RESUBMISSION_OF: Final = f"{GROUP}/resubmission-of"
LABEL_CONCURRENCY_KEY: Final = f"{GROUP}/concurrency-key"
ANNOTATION_LINE: Final = f"{GROUP}/line"

ENV_PREFIX: Final = "KUBESAGA_"
ENV_WORKFLOW: Final = "KUBESAGA_WORKFLOW"
ENV_WORKFLOW_UID: Final = "KUBESAGA_WORKFLOW_UID"
ENV_STEP: Final = "KUBESAGA_STEP"
ENV_ITEM: Final = "KUBESAGA_ITEM"
ENV_ATTEMPT: Final = "KUBESAGA_ATTEMPT"
ENV_DIRECTION: Final = "KUBESAGA_DIRECTION"
ENV_IDEMPOTENCY_KEY: Final = "KUBESAGA_IDEMPOTENCY_KEY"
ENV_FORWARD_IDEMPOTENCY_KEY: Final = "KUBESAGA_FORWARD_IDEMPOTENCY_KEY"
ENV_FALLBACK_IDEMPOTENCY_KEY: Final = "KUBESAGA_FALLBACK_IDEMPOTENCY_KEY"
ENV_TERMINATION_LOG: Final = "KUBESAGA_TERMINATION_LOG"
ENV_TRACEPARENT: Final = "TRACEPARENT"

TERMINATION_LOG_DEFAULT: Final = "/dev/termination-log"
CONTAINER_NAME: Final = "step"

_DIGEST_CHARACTERS: Final = 20  # 100 bits in base32: a collision among 10^9 Jobs of one cluster has odds of 10^-12.


class Direction(StrEnum):
    """What a Job of a step is for."""

    FORWARD = "Forward"
    FALLBACK = "Fallback"
    """Forward in another way: it goes on with the attempts, and so with the names of Jobs, of the step's own way."""
    COMPENSATION = "Compensation"
    FINALLY = "Finally"


_LETTER: Final = {Direction.FORWARD: "f", Direction.COMPENSATION: "c", Direction.FINALLY: "l"}


def _digest(*parts: str | int) -> str:
    """A DNS-label-safe digest of the parts; JSON keeps ("a", "bc") and ("ab", "c") apart."""
    raw = hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).digest()
    return b32encode(raw).decode().lower()[:_DIGEST_CHARACTERS]


@lru_cache(maxsize=65_536)  # A pass asks for every Job in flight again; hashing 1,000 names costs 3 ms.
def job_name(workflow_uid: str, step: str, direction: Direction, attempt: int, epoch: int = 1, item: str = "") -> str:
    """The name of the one Job of an attempt: a DNS label of at most 57 characters, collision-free.

    It begins with the step's name, as far as there is room, for people who read `kubectl get jobs`. Attempts of a
    fallback are counted on from those of the step's own way, and are named like them.
    """
    direction = Direction.FORWARD if direction is Direction.FALLBACK else direction
    suffix = f"-{_LETTER[direction]}{attempt}-{_digest(workflow_uid, step, item, direction, attempt, epoch)}"
    return step[: JOB_NAME_LENGTH_MAX - len(suffix)].rstrip("-") + suffix


@lru_cache(maxsize=65_536)  # As job_name: every Job names up to three keys.
def idempotency_key(
    workflow_uid: str,
    step: str,
    direction: Direction,
    incarnation: int = 1,
    item: str = "",
    way: Direction = Direction.FORWARD,
) -> str:
    """The key under which a step's effect is done once: stable over attempts, epochs and operator restarts.

    `way`: the undo of a step's fallback is another effect than that of the step's own way.
    """
    of = () if way is Direction.FORWARD else (way,)
    return _digest("key", workflow_uid, step, item, direction, incarnation, *of)


def lease_name(concurrency_key: str) -> str:
    """The name of the Lease that keeps the line of a key: a DNS subdomain, different for keys that differ."""
    readable = concurrency_key.lower().replace("_", "-").replace(".", "-")
    return f"kubesaga-{readable}-{_digest('concurrency', concurrency_key)}"


def traceparent(workflow_uid: str, job: str) -> str:
    """A W3C traceparent: one trace per Workflow, one span per Job."""
    trace = hashlib.sha256(workflow_uid.encode()).hexdigest()[:32]
    span = hashlib.sha256(job.encode()).hexdigest()[:16]
    return f"00-{trace}-{span}-01"
