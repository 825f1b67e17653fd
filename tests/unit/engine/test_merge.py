"""Defaults under what a step says itself."""

from typing import Any

import pytest

from kubesaga.api.container import Container
from kubesaga.api.spec import Retry
from kubesaga.engine.merge import ContainerDefaults, retry_policy
from kubesaga.engine.plan import RetryPolicy

MOUNT = {"name": "v", "mountPath": "/v"}
CASES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("what is open comes from the defaults", {"image": "a"}, {"args": ["x"]}, {"image": "a", "args": ["x"]}),
    ("what is said stays", {"image": "a", "workingDir": "/a"}, {"image": "b"}, {"image": "b", "workingDir": "/a"}),
    ("an empty list is said", {"volumeMounts": [MOUNT]}, {"volumeMounts": []}, {"volumeMounts": []}),
    (
        "env is merged by name, the defaults first, the own value instead of theirs",
        {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]},
        {"env": [{"name": "C", "value": "2"}, {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]},
        {
            "env": [
                {"name": "B", "value": "1"},
                {"name": "C", "value": "2"},
                {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}},
            ]
        },
    ),
    (
        "resources are merged one level deep",
        {"resources": {"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": 1}}},
        {"resources": {"limits": {"cpu": 2}}},
        {"resources": {"limits": {"cpu": 2}, "requests": {"cpu": 1}}},
    ),
    (
        "the security context is merged one level deep",
        {"securityContext": {"runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}}},
        {"securityContext": {"runAsNonRoot": False, "runAsUser": 0}},
        {"securityContext": {"runAsNonRoot": False, "runAsUser": 0, "capabilities": {"drop": ["ALL"]}}},
    ),
]


@pytest.mark.parametrize(("sentence", "defaults", "own", "merged"), CASES, ids=[case[0] for case in CASES])
def test_merges(sentence: str, defaults: dict[str, Any], own: dict[str, Any], merged: dict[str, Any]) -> None:
    result = ContainerDefaults(Container.model_validate(defaults)).under(Container.model_validate(own))
    assert result.wire() == merged


def test_without_defaults_a_container_stays_as_it_is() -> None:
    own = Container(image="a")
    assert ContainerDefaults(None).under(own) is own


def test_retries_are_merged_field_by_field() -> None:
    builtin = RetryPolicy(limit=1, backoff_seconds=2, factor=3, max_backoff_seconds=4)
    assert retry_policy(builtin, None) is builtin
    assert retry_policy(builtin, Retry(limit=0, factor=5)) == RetryPolicy(0, 2, 5, 4)
    assert retry_policy(builtin, Retry(backoff_seconds=7, max_backoff_seconds=8)) == RetryPolicy(1, 7, 3, 8)
