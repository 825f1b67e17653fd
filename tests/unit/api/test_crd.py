"""The CustomResourceDefinition: in step with the models, and by the conventions."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from kubesaga.api.crd import IMMUTABLE_ONCE_STARTED, workflow_crd

ROOT = Path(__file__).parents[3]
FILES = ["crds/kubesaga.dev_workflows.yaml", "charts/kubesaga/crds/kubesaga.dev_workflows.yaml"]
VERSION = workflow_crd()["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from nodes(field, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key], f"{path}[]")


NODES = [(path, node) for path, node in nodes(SCHEMA) if path.startswith((".spec", ".status"))]


@pytest.mark.parametrize("file", FILES)
def test_the_files_are_what_the_models_say(file: str) -> None:
    assert YAML(typ="safe").load(ROOT / file) == workflow_crd(), "run `make generate`"


@pytest.mark.parametrize("file", FILES)
def test_client_side_apply_can_keep_a_copy(file: str) -> None:
    assert (ROOT / file).stat().st_size < 262_144
    assert len(json.dumps(workflow_crd())) < 262_144


@pytest.mark.parametrize(("path", "node"), NODES, ids=[path for path, _ in NODES])
def test_everything_is_typed_and_bounded(path: str, node: dict[str, Any]) -> None:
    kind = node.get("type")
    if node.get("x-kubernetes-int-or-string"):
        return
    assert kind in ("object", "array", "string", "integer", "boolean"), "no floats, no unions"
    if kind == "array":
        assert "maxItems" in node
        assert node["x-kubernetes-list-type"] == "atomic"
    if kind == "string" and "enum" not in node:
        assert "maxLength" in node
    if kind == "object":
        assert "properties" in node or "maxProperties" in node
    assert "default" not in node or path == ".status"


@pytest.mark.parametrize(("path", "node"), NODES, ids=[path for path, _ in NODES])
def test_every_field_is_described(path: str, node: dict[str, Any]) -> None:
    assert "description" in node or path.endswith("[]")


def test_the_status_says_from_the_beginning_that_nobody_has_seen_the_object() -> None:
    assert SCHEMA["properties"]["status"]["default"] == {"observedGeneration": -1}


def test_people_find_it_by_a_short_name_and_see_what_counts() -> None:
    names = workflow_crd()["spec"]["names"]
    assert (names["shortNames"], names["categories"]) == (["saga"], ["kubesaga"])
    assert [c["name"] for c in VERSION["additionalPrinterColumns"]] == ["Phase", "Steps", "Rollback", "Reason", "Age"]


def test_what_makes_the_plan_cannot_change_once_started() -> None:
    rules = [rule["fieldPath"] for rule in SCHEMA["x-kubernetes-validations"]]
    assert rules == [f".spec.{field}" for field in IMMUTABLE_ONCE_STARTED]
    free = set(SCHEMA["properties"]["spec"]["properties"]) - set(IMMUTABLE_ONCE_STARTED)
    assert free == {"suspend", "parallelism", "ttlSecondsAfterFinished"}
