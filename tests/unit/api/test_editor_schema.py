"""The JSON schema for editors: it takes what the planner takes, and refuses what the API server refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from bad_manifests import BAD_MANIFESTS, BadManifest, step
from kubesaga.api.editor_schema import editor_schema
from kubesaga.api.group import API_VERSION

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
VALIDATOR = Draft7Validator(editor_schema())


def manifest(spec: Any) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": "Workflow", "metadata": {"name": "order"}, "spec": spec}


def places(value: Any) -> list[str]:
    return sorted(error.json_path for error in VALIDATOR.iter_errors(value))


def test_the_file_is_what_the_models_say() -> None:
    assert json.loads((ROOT / "docs/workflow.schema.json").read_text()) == editor_schema(), "run `make generate`"


def test_it_is_a_schema_of_draft_7() -> None:
    Draft7Validator.check_schema(editor_schema())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid(example: Path) -> None:
    for document in YAML(typ="safe").load_all(example):
        assert places(document) == []


@pytest.mark.parametrize("bad", [bad for bad in BAD_MANIFESTS if bad.crd], ids=lambda bad: bad.sentence)
def test_it_refuses_what_the_api_server_refuses(bad: BadManifest) -> None:
    assert places(bad.manifest)


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"steps": [step("a", dependOn=["b"])]}, "$.spec.steps[0]"),
        ({"steps": [step("a", approval={"message": "go?"})]}, "$.spec.steps[0]"),
        ({"steps": [{"name": "a"}]}, "$.spec.steps[0]"),
        ({"steps": [step("a", compensate={})]}, "$.spec.steps[0].compensate"),
        ({"steps": [step("a", retry={"onExitCodes": {"in": [1], "notIn": [2]}})]}, "$.spec.steps[0].retry.onExitCodes"),
        ({"steps": [step("a", env=[{"name": "A", "valueFrom": {}}])]}, "$.spec.steps[0].container.env[0].valueFrom"),
        ({"steps": [step("a")], "onFailure": "Undo"}, "$.spec.onFailure"),
        ({"steps": [step("a")], "suspend": "yes"}, "$.spec.suspend"),
        ({"steps": [step("a", timeoutSeconds=None)]}, "$.spec.steps[0].timeoutSeconds"),
        ({"steps": [step("a", timeoutSeconds=0)]}, "$.spec.steps[0].timeoutSeconds"),
    ],
)
def test_it_names_the_place_of_what_is_wrong(spec: Any, place: str) -> None:
    assert places(manifest(spec)) == [place]


@pytest.mark.parametrize(
    "value",
    [
        {**manifest({"steps": [step("a")]}), "kind": "Workflows"},
        {**manifest({"steps": [step("a")]}), "spek": {}},
        {**manifest({"steps": [step("a")]}), "metadata": {}},
    ],
    ids=["another kind", "another field", "no name"],
)
def test_it_refuses_an_envelope_that_is_not_ours(value: Any) -> None:
    assert places(value)


def test_every_field_of_the_spec_is_described() -> None:
    schema = editor_schema()
    models = {"spec": schema["properties"]["spec"], **schema["definitions"]}
    without = [
        f"{name}.{field}"
        for name, model in models.items()
        for field, node in model.get("properties", {}).items()
        if "description" not in node
    ]
    assert without == []
