"""The one finalizer: a Workflow of `deletionPolicy: RollbackUnfinished` stays until what was done is undone.

It is set before the first step starts and taken away when the Workflow has ended. In a namespace that is being deleted
nothing can be created, so no undo either: the Workflow is let go.
"""

from typing import Final

from kubesaga.api.group import GROUP
from kubesaga.api.spec import DeletionPolicy
from kubesaga.api.workflow import Workflow
from kubesaga.engine.action import SetFinalizers
from kubesaga.engine.plan import Plan

FINALIZER: Final = f"{GROUP}/rollback-unfinished"

_COLLECTED: Final = frozenset({"foregroundDeletion", "orphan"})
"""While one of them is there, the garbage collector still looks for what the Workflow owns."""


def is_held(workflow: Workflow) -> bool:
    """Whether our finalizer keeps the Workflow."""
    return FINALIZER in workflow.finalizers


def has_to_be_held(workflow: Workflow, plan: Plan) -> bool:
    """Whether the finalizer has to be set before anything starts."""
    wanted = plan.deletion_policy is DeletionPolicy.ROLLBACK_UNFINISHED
    return wanted and not is_held(workflow) and not workflow.deleting


def may_create(workflow: Workflow) -> bool:
    """Whether what is created now is safe from the garbage collector."""
    return not (workflow.deleting and _COLLECTED.intersection(workflow.finalizers))


def hold(workflow: Workflow) -> SetFinalizers:
    """Set the finalizer."""
    return SetFinalizers(workflow.resource_version, (*workflow.finalizers, FINALIZER))


def release(workflow: Workflow) -> SetFinalizers:
    """Take the finalizer away."""
    others = tuple(name for name in workflow.finalizers if name != FINALIZER)
    return SetFinalizers(workflow.resource_version, others)
