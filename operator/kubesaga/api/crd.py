"""The CustomResourceDefinition of Workflow, generated from the models."""

from typing import Any, Final

from kubesaga.api.group import DESCRIPTION, GROUP, KIND, PLURAL, VERSION
from kubesaga.api.schema import structural_schema
from kubesaga.api.spec import WorkflowSpec
from kubesaga.api.status import WorkflowStatus

IMMUTABLE_ONCE_STARTED: Final = (
    "parameters",
    "defaults",
    "steps",
    "finally",
    "outputs",
    "concurrency",
    "timeoutSeconds",
    "onFailure",
    "inFlight",
    "rollback",
    "deletionPolicy",
)
"""Fields of the spec that make the plan. The others may change while a Workflow runs."""

_COLUMNS: Final = (
    ("Phase", "string", ".status.phase", "Where the run stands"),
    ("Steps", "string", ".status.progress", "Succeeded steps of all steps"),
    ("Rollback", "string", ".status.rollbackProgress", "Undone steps of all steps to undo"),
    ("Reason", "string", ".status.reason", "Why, as one word"),
    ("Age", "date", ".metadata.creationTimestamp", ""),
)


def workflow_crd() -> dict[str, Any]:
    """The CustomResourceDefinition as a mapping."""
    names = {
        "kind": KIND,
        "listKind": f"{KIND}List",
        "plural": PLURAL,
        "singular": KIND.lower(),
        "shortNames": ["saga"],
        "categories": ["kubesaga"],
    }
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(*column) for column in _COLUMNS],
        "schema": {"openAPIV3Schema": _schema()},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def _schema() -> dict[str, Any]:
    spec, status = structural_schema(WorkflowSpec), structural_schema(WorkflowStatus)
    status["default"] = {"observedGeneration": -1}
    spec["properties"]["steps"]["items"]["properties"]["compensate"]["x-kubernetes-validations"] = [
        {
            "rule": "has(self.container) != has(self.deleteJob)",
            "message": "must have exactly one of container, deleteJob",
        }
    ]
    return {
        "type": "object",
        "description": DESCRIPTION,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
        "x-kubernetes-validations": [_immutable(field) for field in IMMUTABLE_ONCE_STARTED],
    }


def _immutable(field: str) -> dict[str, str]:
    """A transition rule: once the run has begun, the field stays as it was.

    A write through the status subresource cannot change the spec, and any other cannot change the status: where the
    count of status writes differs, comparing the spec (in CEL the costliest part of a status write) is spared.
    """
    new, old = f"self.spec.{field}", f"oldSelf.spec.{field}"
    status_write = "self.?status.?writes != oldSelf.?status.?writes"
    not_started = "!oldSelf.?status.?startTime.hasValue()"
    same = f"has({new}) == has({old}) && (!has({new}) || {new} == {old})"
    return {
        "rule": f"{status_write} || {not_started} || ({same})",
        "message": f"spec.{field} cannot change once the Workflow has started",
        "reason": "FieldValueForbidden",
        "fieldPath": f".spec.{field}",
    }


def _column(name: str, type_: str, path: str, description: str) -> dict[str, Any]:
    column = {"name": name, "type": type_, "jsonPath": path}
    return {**column, "description": description} if description else column
