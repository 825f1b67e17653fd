"""The scheduler and the kubelets: Pods are bound, run, end as it is written for them, and linger while they terminate.

A node that is cut off neither reports nor ends anything; its containers go on. A node that died has ended its
containers, but nobody knows: its Pods stay as they were until somebody deletes them by force.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from kubesaga.api.names import LABEL_ATTEMPT, LABEL_DIRECTION, LABEL_EPOCH, LABEL_STEP, LABEL_WORKFLOW_UID, Direction
from simulation.server import Change, Raw, SimulatedServer
from simulation.virtual_loop import VirtualLoop

NODES: Final = ("node-1", "node-2", "node-3")
_BIND_SECONDS: Final = (0.005, 0.05)
_START_SECONDS: Final = (0.05, 0.4)
_CLEAN_SECONDS: Final = (0.05, 0.5)
KILLED: Final = 137


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a container. It lasts for ever without `seconds`."""

    seconds: float | None
    exit_code: int = 0
    outputs: tuple[tuple[str, str], ...] | None = ()
    """None: a termination message that is no JSON object."""
    linger_seconds: float = 0.2
    """How long it takes to end once it is told to; it is killed after its grace period."""
    said: str = ""

    @property
    def message(self) -> str:
        """The termination message."""
        if self.outputs is None:
            return "no JSON"
        return json.dumps(dict(self.outputs)) if self.outputs else self.said


@dataclass(frozen=True, slots=True)
class Work:
    """Which attempt a Pod is for."""

    workflow_uid: str
    step: str
    direction: Direction
    attempt: int
    epoch: int
    fallback: bool = False
    """Whether it does its step in the other way; its direction is Forward then, too."""

    @classmethod
    def of(cls, raw: Raw) -> "Work":
        """Read the labels of a Job or Pod."""
        labels = raw["metadata"]["labels"]
        direction = Direction(labels[LABEL_DIRECTION])
        fallback = direction is Direction.FALLBACK
        return cls(
            labels[LABEL_WORKFLOW_UID],
            labels[LABEL_STEP],
            Direction.FORWARD if fallback else direction,
            int(labels[LABEL_ATTEMPT]),
            int(labels[LABEL_EPOCH]),
            fallback,
        )


@dataclass(slots=True)
class Container:
    """What really happened, whatever was told of it."""

    pod_uid: str
    work: Work
    node: str
    began: float
    fate: Fate
    ended: float | None = None
    exit_code: int | None = None
    killed: bool = False


@dataclass(slots=True)
class Nodes:
    """All machines of the cluster."""

    server: SimulatedServer
    loop: VirtualLoop
    chance: Random
    fate: Callable[[Work], Fate]
    containers: dict[str, Container] = field(default_factory=dict)
    """By uid of their Pod."""
    lost: dict[str, list[Callable[[], None]]] = field(default_factory=dict)
    """By name of a node that does not answer, what its kubelet does when it is back."""
    dead: set[str] = field(default_factory=set)
    killing: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.server.listeners.append(self._heard)

    def _heard(self, resource: str, change: Change) -> None:
        if resource != "pods" or change.gone:
            return
        uid = change.raw["metadata"]["uid"]
        if not change.raw["spec"].get("nodeName"):
            self.loop.call_later(self.chance.uniform(*_BIND_SECONDS), self._bind, uid)
        elif "deletionTimestamp" in change.raw["metadata"] and uid not in self.killing:
            self.killing.add(uid)
            self._on(change.raw["spec"]["nodeName"], lambda: self._terminate(uid))

    def _on(self, node: str, deed: Callable[[], None]) -> None:
        """Let the kubelet of a node do something, now or when it is back."""
        if node in self.lost:
            self.lost[node].append(deed)
        else:
            deed()

    def _bind(self, uid: str) -> None:
        pod = self.server.by_uid(uid)
        if pod is None or pod["spec"].get("nodeName"):
            return
        node = self.chance.choice([one for one in NODES if one not in self.lost])
        self.server.update("scheduler", "pods", pod, spec={**pod["spec"], "nodeName": node})
        self.loop.call_later(self.chance.uniform(*_START_SECONDS), self._on, node, lambda: self._begin(uid))

    def _begin(self, uid: str) -> None:
        pod = self.server.by_uid(uid)
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return
        work = Work.of(pod)
        fate = self.fate(work)
        container = Container(uid, work, pod["spec"]["nodeName"], self.loop.time(), fate)
        self.containers[uid] = container
        if fate.seconds is not None:
            self.loop.call_later(fate.seconds, self._end, container, fate.exit_code)
        state = {"running": {"startedAt": self.server.second()}}
        self._report(uid, {"phase": "Running", "containerStatuses": [{"name": "step", "state": state}]})

    def _end(self, container: Container, exit_code: int, *, killed: bool = False) -> None:
        """The container ends, and its kubelet says so as soon as it can."""
        if container.ended is None and (container.node not in self.dead or killed):
            container.ended, container.exit_code, container.killed = self.loop.time(), exit_code, killed
            self._on(container.node, lambda: self._report_end(container))

    def _report_end(self, container: Container) -> None:
        said = "" if container.killed else container.fate.message
        self._report(container.pod_uid, _ended(container.exit_code or 0, said, self.server.second()))

    def _report(self, uid: str, status: Raw) -> None:
        pod = self.server.by_uid(uid)
        if pod is not None:
            kept = {"conditions": before} if (before := (pod.get("status") or {}).get("conditions")) else {}
            self.server.set_status("kubelet", "pods", pod, {**status, **kept})

    def _terminate(self, uid: str) -> None:
        """A deleted Pod: its container is asked to end, then killed; then the Pod goes."""
        container = self.containers.get(uid)
        if container is None:
            self._report(uid, {"phase": "Failed", "containerStatuses": []})
            self._remove_later(uid)
        elif container.ended is not None:
            self._remove_later(uid)
        else:
            pod = self.server.by_uid(uid)
            grace = float((pod or {}).get("metadata", {}).get("deletionGracePeriodSeconds", 30))
            linger = container.fate.linger_seconds
            code = KILLED if linger >= grace else 143
            self.loop.call_later(min(linger, grace), self._kill, container, code)

    def _kill(self, container: Container, code: int) -> None:
        self._end(container, code, killed=True)
        self._on(container.node, lambda: self._remove_later(container.pod_uid))

    def _remove_later(self, uid: str) -> None:
        self.loop.call_later(self.chance.uniform(*_CLEAN_SECONDS), self._remove, uid)

    def _remove(self, uid: str) -> None:
        pod = self.server.by_uid(uid)
        if pod is not None:
            self.server.take_out("kubelet", "pods", pod)

    # What happens to nodes

    def lose(self, node: str, *, dies: bool) -> None:
        """A node no longer answers; where it dies, its containers end with it."""
        self.lost[node] = []
        if dies:
            for container in self.containers.values():
                if container.node == node and container.ended is None:
                    container.ended, container.exit_code, container.killed = self.loop.time(), KILLED, True
            self.dead.add(node)

    def evict(self, node: str) -> None:
        """The control plane gives up a node: its Pods are deleted, and are no failures of their own."""
        for pod in self._pods_on(node):
            if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
                marked = {**(pod.get("status") or {}), "conditions": [{"type": "DisruptionTarget", "status": "True"}]}
                pod = self.server.set_status("node-controller", "pods", pod, marked)
                self.server.delete("node-controller", "pods", pod["metadata"]["namespace"], pod["metadata"]["name"])

    def bring_back(self, node: str) -> None:
        """A node answers again. Where it had died, its Pods were ended by force before."""
        for pod in self._pods_on(node) if node in self.dead else ():
            self._force(pod)
        self.dead.discard(node)
        for deed in self.lost.pop(node, ()):
            deed()

    def _force(self, pod: Raw) -> None:
        """A person deletes a Pod whose node is dead; the Pod collector says that it failed, and it goes."""
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return
        marked = [{"type": "DisruptionTarget", "status": "True"}]
        pod = self.server.set_status("pod-collector", "pods", pod, {"phase": "Failed", "conditions": marked})
        self.server.take_out("pod-collector", "pods", pod)

    def _pods_on(self, node: str) -> list[Raw]:
        return [pod for pod in list(self.server.objects["pods"].values()) if pod["spec"].get("nodeName") == node]


def _ended(exit_code: int, message: str, now: str) -> dict[str, Any]:
    reason = "Error" if exit_code else "Completed"
    ended = {"exitCode": exit_code, "reason": reason, "finishedAt": now, **({"message": message} if message else {})}
    phase = "Failed" if exit_code else "Succeeded"
    return {"phase": phase, "containerStatuses": [{"name": "step", "state": {"terminated": ended}}]}
