"""What is told to whoever operates kubesaga: the metrics of one controller.

Label sets are closed; no metric carries the name of an object:
    outcome     phases of a Workflow that are terminal, and RollbackBlocked; states of a step that are terminal
    direction   Forward, Compensation
    verb        get, list, create, patch, delete
    resource    workflows, workflows/status, jobs, pods, leases, namespaces, events
    code        the HTTP status, or 0 where there was no answer
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from kubesaga.api.status import Phase
from kubesaga.engine.decision import Decision, PhaseTransition, StepTransition

_ROLLBACKS = {Phase.ROLLED_BACK, Phase.PARTIALLY_ROLLED_BACK, Phase.ROLLBACK_FAILED, Phase.ROLLBACK_BLOCKED}


class Telemetry:
    """The metrics of one operator, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._workflows = Counter(
            "kubesaga_workflows", "Workflows that ended or were blocked.", ["outcome"], registry=self.registry
        )
        self._steps = Counter(
            "kubesaga_steps", "Steps and undos that ended.", ["outcome", "direction"], registry=self.registry
        )
        self._rollbacks = Counter(
            "kubesaga_rollbacks", "Rollbacks that ended or were blocked.", ["outcome"], registry=self.registry
        )
        self._inconsistencies = Counter(
            "kubesaga_inconsistencies", "States seen that no run leads to.", registry=self.registry
        )
        self._failed_passes = Counter(
            "kubesaga_failed_passes", "Passes that ended with an error.", registry=self.registry
        )
        self.pass_seconds = Histogram(
            "kubesaga_reconcile_duration_seconds",
            "Time to decide one pass, without calls.",
            buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5),
            registry=self.registry,
        )
        self.write_seconds = Histogram(
            "kubesaga_status_write_duration_seconds", "Time of one status write.", registry=self.registry
        )
        self._calls = Counter(
            "kubesaga_api_calls", "Calls to the API server.", ["verb", "resource", "code"], registry=self.registry
        )
        self._depth = Gauge("kubesaga_queue_depth", "Workflows that wait for a pass.", registry=self.registry)

    def call(self, verb: str, resource: str, code: int) -> None:
        """Count one call to the API server."""
        self._calls.labels(verb, resource, str(code)).inc()

    def queue_depth(self, depth: int) -> None:
        """Tell how many Workflows wait."""
        self._depth.set(depth)

    def failed_pass(self) -> None:
        """Count a pass that ended with an error."""
        self._failed_passes.inc()

    def decided(self, decision: Decision) -> None:
        """Count what a decision did, once its status is written."""
        self._inconsistencies.inc(len(decision.inconsistencies))
        for transition in decision.transitions:
            match transition:
                case StepTransition(after=state, direction=direction) if state.terminal:
                    self._steps.labels(state, direction).inc()
                case PhaseTransition(after=phase) if phase.terminal or phase is Phase.ROLLBACK_BLOCKED:
                    self._workflows.labels(phase).inc()
                    if phase in _ROLLBACKS:
                        self._rollbacks.labels(phase).inc()
                case _:
                    pass
