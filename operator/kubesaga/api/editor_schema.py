"""The JSON schema of Workflows for editors, generated from the models: completion, descriptions, errors as one types.

For yaml-language-server and all else that reads JSON Schema, draft 7. The planner checks more: names, edges,
references.
"""

from collections.abc import Mapping
from typing import Any, Final

from kubesaga.api.group import API_VERSION, DESCRIPTION, KIND
from kubesaga.api.schema import Schema, in_one_line, not_null
from kubesaga.api.spec import WorkflowSpec

_DROPPED: Final = ("title", "default", "$defs")
_REF: Final = "#/definitions/"

_ONE_OF: Final = {
    "Step": ("container", "approval", "wait"),
    "Compensation": ("container", "deleteJob"),
    "ExitCodes": ("in", "notIn"),
    "EnvSource": ("configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef"),
    "EnvFromSource": ("configMapRef", "secretRef"),
    "Volume": ("configMap", "secret", "emptyDir", "persistentVolumeClaim", "hostPath"),
}
"""Fields of which a definition has exactly one."""


def editor_schema() -> Schema:
    """The JSON schema of a whole manifest."""
    spec = WorkflowSpec.model_json_schema(by_alias=True, mode="validation", ref_template=f"{_REF}{{model}}")
    definitions = {name: _node(definition) for name, definition in spec["$defs"].items()}
    for name, fields in _ONE_OF.items():
        definitions[name]["oneOf"] = [{"required": [field]} for field in fields]
    text = {"type": "string"}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"{KIND} ({API_VERSION})",
        "description": DESCRIPTION,
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": False,
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": KIND},
            "metadata": {
                "type": "object",
                "properties": {"name": text, "generateName": text},
                "anyOf": [{"required": ["name"]}, {"required": ["generateName"]}],
            },
            "spec": _node(spec),
            "status": {"type": "object", "description": "Written by the operator."},
        },
        "definitions": definitions,
    }


def _node(schema: Mapping[str, Any]) -> Schema:
    """One node as an editor shows it best: descriptions in one line, nothing that may be null."""
    if "anyOf" in schema:
        return _union(schema)
    node = {key: value for key, value in schema.items() if key not in _DROPPED}
    if "$ref" in node and len(node) > 1:
        node["allOf"] = [{"$ref": node.pop("$ref")}]  # Draft 7 takes no heed of what stands beside a reference.
    if "description" in node:
        node["description"] = in_one_line(node["description"])
    for key in ("properties", "patternProperties"):
        if key in node:
            node[key] = {name: _node(field) for name, field in node[key].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), Mapping):
            node[key] = _node(node[key])
    return node


def _union(schema: Mapping[str, Any]) -> Schema:
    """`X | None` is X; what else is a choice stays one."""
    branches = not_null(schema)
    outer = {key: value for key, value in schema.items() if key == "description"}
    return _node({**branches[0], **outer}) if len(branches) == 1 else {"anyOf": branches, **outer}
