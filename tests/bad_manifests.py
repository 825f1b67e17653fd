"""Manifests that are refused, each with every error that a person reads, in the order of the places.

One table for all that plan a manifest: the planner, the commands and the operator on a real API server.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class BadManifest:
    sentence: str
    """What is wrong, as the end of "refuses ..."."""
    spec: Any
    found: tuple[tuple[str, str, str], ...]
    """Path, what is found there and what would be right, of every error."""
    crd: bool = False
    """Whether an API server with the CRD refuses it already. It drops unknown fields, unless asked to be strict."""

    @property
    def errors(self) -> tuple[str, ...]:
        """The errors as a person reads them."""
        return tuple(f"{path}: {found}; {expected}" for path, found, expected in self.found)

    @property
    def manifest(self) -> dict[str, Any]:
        return {
            "apiVersion": "kubesaga.dev/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": "bad"},
            "spec": self.spec,
        }


def step(name: Any, container: Any = None, env: Any = None, **fields: Any) -> dict[str, Any]:
    """A step that is right but for what is said."""
    own = {"image": "app:1"} if container is None else container
    return {"name": name, "container": own if env is None else {**own, "env": env}, **fields}


_TELLS_OF_B = {"container": {"image": "app:1", "args": ["$(steps.b.outcome)"]}}

BAD_MANIFESTS = (
    # Structure.
    BadManifest(
        "a spec that is no object",
        None,
        (("spec", "found null", "must be an object"),),
        crd=True,
    ),
    BadManifest(
        "an empty spec has no steps",
        {},
        (("spec.steps", "missing", "is required"),),
        crd=True,
    ),
    BadManifest(
        "a spec without steps in it",
        {"steps": []},
        (("spec.steps", "found an empty list", "must have an entry"),),
        crd=True,
    ),
    BadManifest(
        "steps that are no list",
        {"steps": {"name": "a"}},
        (("spec.steps", "found an object", "must be a list"),),
        crd=True,
    ),
    BadManifest(
        "an entry of steps that is no step",
        {"steps": ["a", step("b")]},
        (("spec.steps[0]", 'found "a"', "must be an object"),),
        crd=True,
    ),
    BadManifest(
        "a step without name and container",
        {"steps": [{}]},
        (
            ("spec.steps[0].container", "missing", "is required, or approval or wait in its place"),
            ("spec.steps[0].name", "missing", "is required"),
        ),
        crd=True,
    ),
    BadManifest(
        "a misspelt field of the spec",
        {"steps": [step("a")], "paralellism": 3},
        (("spec.paralellism", 'unknown field "paralellism"', 'did you mean "parallelism"?'),),
    ),
    BadManifest(
        "a misspelt field of a step",
        {"steps": [step("a"), step("b", dependson=["a"])]},
        (("spec.steps[1].dependson", 'unknown field "dependson"', 'did you mean "dependsOn"?'),),
    ),
    BadManifest(
        "a field in snake case",
        {"steps": [step("a", timeout_seconds=3)]},
        (("spec.steps[0].timeout_seconds", 'unknown field "timeout_seconds"', 'did you mean "timeoutSeconds"?'),),
    ),
    BadManifest(
        "an unknown field that resembles none",
        {"steps": [step("a", retry={"zzz": 1})]},
        (
            (
                "spec.steps[0].retry.zzz",
                'unknown field "zzz"',
                "there are limit, backoffSeconds, factor, maxBackoffSeconds, onExitCodes",
            ),
        ),
    ),
    BadManifest(
        "a step of three kinds",
        {"steps": [step("a", wait={"seconds": 5}, approval={"message": "go on?"})]},
        (
            ("spec.steps[0].approval", "found beside container", "must have exactly one of them"),
            ("spec.steps[0].wait", "found beside container", "must have exactly one of them"),
        ),
    ),
    BadManifest(
        "an approval with what only a Job has",
        {
            "steps": [
                {
                    "name": "a",
                    "approval": {"message": "go on?"},
                    "retry": {"limit": 1},
                    "outputs": [{"name": "id"}],
                    "compensate": {"deleteJob": {}},
                    "boundary": "Irreversible",
                }
            ]
        },
        (
            (
                "spec.steps[0].boundary",
                'found "Irreversible"',
                "not with approval: it has no effect that could not be undone",
            ),
            (
                "spec.steps[0].boundary",
                'found "Irreversible"',
                "not with compensate: what can be undone is not irreversible",
            ),
            ("spec.steps[0].compensate", "found a value", "not with approval: there is nothing to undo"),
            (
                "spec.steps[0].outputs",
                "found a value",
                "not with approval: there is nothing that could give them",
            ),
            ("spec.steps[0].retry", "found a value", "not with approval: there is nothing to retry"),
        ),
    ),
    BadManifest(
        "a wait with a time limit",
        {"steps": [{"name": "a", "wait": {"seconds": 5}, "timeoutSeconds": 3}]},
        (("spec.steps[0].timeoutSeconds", "found 3", "not with wait, which ends after wait.seconds"),),
    ),
    BadManifest(
        "conditions that cannot be read, or name what is not there",
        {
            "parameters": [{"name": "region", "value": "eu"}, {"name": "long", "value": "x" * 4_097}],
            "steps": [
                step("a", outputs=[{"name": "id"}], when="1 +"),
                step("b", when="params.regoin == 'eu' || steps.a.outputs.ids == '' || steps.c.outcome == ''"),
                step("d", when="steps.d.outcome == 'Failed' || workflow.phase == ''"),
                step("e", when="params.long == ''"),
                step("f", when="params.region"),
            ],
        },
        (
            (
                "spec.steps[0].when",
                'found "1 +"',
                "line 1, column 4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', "
                "'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
            ),
            ("spec.steps[1].when", "found params.regoin", 'no such parameter; did you mean "region"?'),
            ("spec.steps[1].when", "found steps.a.outputs.ids", 'no such output of step a; did you mean "id"?'),
            ("spec.steps[1].when", "found steps.c.outcome", "no such step; there are a, b, d, e, f"),
            ("spec.steps[2].when", "found steps.d.outcome", "a step cannot refer to itself; its undo can"),
            (
                "spec.steps[2].when",
                "found workflow.phase",
                "the phase that the run ends with is known only in finally",
            ),
            ("spec.steps[3].when", "found params.long", "a condition reads parameters of at most 4,096 characters"),
            ("spec.steps[4].when", 'found "params.region"', "must give true or false, and gives string"),
        ),
    ),
    BadManifest(
        "a condition that makes a circle",
        {"steps": [step("a", when="steps.b.outcome == 'Succeeded'"), step("b", dependsOn=["a"])]},
        (("spec.steps[0].when", "found the cycle a -> b -> a", "each step would wait for the next, for ever"),),
    ),
    BadManifest(
        "trigger rules that could never be met",
        {
            "steps": [
                step("a"),
                step("b", optional=True),
                step("c", dependsOn=["a"], triggerRule="AnyFailed"),
                step("d", dependsOn=["a", "b"], triggerRule="AllFailed"),
                step("e", triggerRule="AnySucceeded"),
                step("f", triggerRule="AllFailed"),
            ]
        },
        (
            (
                "spec.steps[2].triggerRule",
                'found "AnyFailed"',
                "no failure of what it depends on lets anything start: that needs optional: true there, or "
                "spec.onFailure: Continue",
            ),
            (
                "spec.steps[3].triggerRule",
                'found "AllFailed"',
                "after a failure of a nothing starts: that needs optional: true there, or spec.onFailure: Continue",
            ),
            ("spec.steps[4].triggerRule", 'found "AnySucceeded"', "needs a step that it depends on"),
            ("spec.steps[5].triggerRule", 'found "AllFailed"', "needs a step that it depends on"),
        ),
    ),
    BadManifest(
        "an optional pivot",
        {"steps": [step("a", optional=True, boundary="Pivot")]},
        (("spec.steps[0].optional", "found true", "not with boundary: Pivot, which decides how the Workflow ends"),),
    ),
    BadManifest(
        "a rule of another engine",
        {"steps": [step("a", triggerRule="AllDone")]},
        (
            (
                "spec.steps[0].triggerRule",
                'found "AllDone"',
                'must be "AllSucceeded", "AllFinished", "AnySucceeded", "AnyFailed", "AllFailed" or "NoneFailed"',
            ),
        ),
        crd=True,
    ),
    BadManifest(
        "a field of a later version",
        {"steps": [step("a", forEach={"count": 3})]},
        (
            (
                "spec.steps[0].forEach",
                'unknown field "forEach"',
                "there are name, dependsOn, triggerRule, when, optional, container, approval, wait, retry, "
                "timeoutSeconds, outputs, fallback, compensate, boundary",
            ),
        ),
    ),
    BadManifest(
        "a step name in upper case",
        {"steps": [step("Reserve-Stock")]},
        (
            (
                "spec.steps[0].name",
                'found "Reserve-Stock"',
                "must be a DNS label: lower-case letters, digits and '-', beginning and ending with a letter or digit",
            ),
        ),
        crd=True,
    ),
    BadManifest(
        "a step name that is too long",
        {"steps": [step("a" * 64)]},
        (("spec.steps[0].name", "found 64 characters", "must have at most 63 characters"),),
        crd=True,
    ),
    BadManifest(
        "a step name that is a number",
        {"steps": [step(7)]},
        (("spec.steps[0].name", "found 7", 'must be a string: write "7"'),),
        crd=True,
    ),
    BadManifest(
        "a parameter that YAML reads as a number",
        {"parameters": [{"name": "replicas", "value": 3}], "steps": [step("a")]},
        (("spec.parameters[0].value", "found 3", 'must be a string: write "3"'),),
        crd=True,
    ),
    BadManifest(
        "a parameter that YAML reads as a boolean",
        {"parameters": [{"name": "dry-run", "value": True}], "steps": [step("a")]},
        (("spec.parameters[0].value", "found true", 'must be a string: write "true"'),),
        crd=True,
    ),
    BadManifest(
        "a parameter without a value",
        {"parameters": [{"name": "region"}], "steps": [step("a")]},
        (("spec.parameters[0].value", "missing", "is required"),),
        crd=True,
    ),
    BadManifest(
        "a parameter name that is no identifier",
        {"parameters": [{"name": "the region", "value": "eu"}], "steps": [step("a")]},
        (
            (
                "spec.parameters[0].name",
                'found "the region"',
                "must be an identifier: letters, digits, '_' and '-', beginning with a letter or '_'",
            ),
        ),
        crd=True,
    ),
    BadManifest(
        "too many parameters",
        {"parameters": [{"name": f"p{i}", "value": ""} for i in range(257)], "steps": [step("a")]},
        (("spec.parameters", "found 257 entries", "must have at most 256 entries"),),
        crd=True,
    ),
    BadManifest(
        "a timeout in words",
        {"steps": [step("a", timeoutSeconds="10m")]},
        (("spec.steps[0].timeoutSeconds", 'found "10m"', "must be an integer"),),
        crd=True,
    ),
    BadManifest(
        "a timeout of zero",
        {"steps": [step("a")], "timeoutSeconds": 0},
        (("spec.timeoutSeconds", "found 0", "must be at least 1"),),
        crd=True,
    ),
    BadManifest(
        "a timeout of more than a year",
        {"steps": [step("a")], "timeoutSeconds": 40_000_000},
        (("spec.timeoutSeconds", "found 40000000", "must be at most 31536000"),),
        crd=True,
    ),
    BadManifest(
        "a fraction where an integer is due",
        {"steps": [step("a")], "parallelism": 2.5},
        (("spec.parallelism", "found 2.5", "must be an integer"),),
        crd=True,
    ),
    BadManifest(
        "more retries than a night allows",
        {"steps": [step("a", retry={"limit": 101})]},
        (("spec.steps[0].retry.limit", "found 101", "must be at most 100"),),
        crd=True,
    ),
    BadManifest(
        "a concurrency key that is no label",
        {"steps": [step("a")], "concurrency": {"key": "$(params.region)", "limit": 0, "policy": "Replace"}},
        (
            (
                "spec.concurrency.key",
                'found "$(params.region)"',
                "must be a label value: letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
            ),
            ("spec.concurrency.limit", "found 0", "must be at least 1"),
            ("spec.concurrency.policy", 'found "Replace"', 'must be "Enqueue" or "Forbid"'),
        ),
        crd=True,
    ),
    BadManifest(
        "concurrency without a key",
        {"steps": [step("a")], "concurrency": {"limit": 1001}},
        (
            ("spec.concurrency.key", "missing", "is required"),
            ("spec.concurrency.limit", "found 1001", "must be at most 1000"),
        ),
        crd=True,
    ),
    BadManifest(
        "an unknown choice",
        {"steps": [step("a")], "onFailure": "Ignore"},
        (("spec.onFailure", 'found "Ignore"', 'must be "Rollback", "Continue" or "Stop"'),),
        crd=True,
    ),
    BadManifest(
        "a flag in words",
        {"steps": [step("a")], "suspend": "yes"},
        (("spec.suspend", 'found "yes"', "must be true or false"),),
        crd=True,
    ),
    BadManifest(
        "a command that is one string",
        {"steps": [step("a", container={"image": "app:1", "command": "echo hello"})]},
        (("spec.steps[0].container.command", 'found "echo hello"', "must be a list"),),
        crd=True,
    ),
    BadManifest(
        "a pull policy that Kubernetes does not have",
        {"steps": [step("a", container={"image": "app:1", "imagePullPolicy": "Maybe"})]},
        (("spec.steps[0].container.imagePullPolicy", 'found "Maybe"', 'must be "Always", "IfNotPresent" or "Never"'),),
        crd=True,
    ),
    BadManifest(
        "an image that is empty",
        {"steps": [step("a", container={"image": ""})]},
        (("spec.steps[0].container.image", 'found ""', "must not be empty"),),
        crd=True,
    ),
    BadManifest(
        "resources in a fraction",
        {"steps": [step("a", container={"image": "app:1", "resources": {"limits": {"cpu": 0.5}}})]},
        (("spec.steps[0].container.resources.limits.cpu", "found 0.5", "must be a quantity such as 500m, 2 or 1Gi"),),
        crd=True,
    ),
    BadManifest(
        "an irreversible step that can be undone",
        {"steps": [step("a", boundary="Irreversible", compensate={"deleteJob": {}})]},
        (
            (
                "spec.steps[0].boundary",
                'found "Irreversible"',
                "not with compensate: what can be undone is not irreversible",
            ),
        ),
    ),
    BadManifest(
        "a boundary that there is not",
        {"steps": [step("a", boundary="Savepiont")]},
        (
            (
                "spec.steps[0].boundary",
                'found "Savepiont"',
                'must be "Savepoint", "Pivot" or "Irreversible"',
            ),
        ),
        crd=True,
    ),
    BadManifest(
        "a rollback by nobody",
        {"steps": [step("a")], "rollback": {"parallelism": 0, "onCompensationFailure": "Giveup"}},
        (
            ("spec.rollback.onCompensationFailure", 'found "Giveup"', 'must be "Block" or "Continue"'),
            ("spec.rollback.parallelism", "found 0", "must be at least 1"),
        ),
        crd=True,
    ),
    BadManifest(
        "a quantity that is none",
        {"steps": [step("a", container={"image": "app:1", "resources": {"requests": {"cpu": "banana"}}})]},
        (
            (
                "spec.steps[0].container.resources.requests.cpu",
                'found "banana"',
                "must be a quantity such as 500m, 2 or 1Gi",
            ),
        ),
    ),
    BadManifest(
        "an environment variable named by nothing",
        {"steps": [step("a", env=[{"name": "", "value": "x"}])]},
        (("spec.steps[0].container.env[0].name", 'found ""', "must not be empty"),),
        crd=True,
    ),
    BadManifest(
        "an environment variable with an equals sign in its name",
        {"steps": [step("a", env=[{"name": "A=B", "value": "x"}])]},
        (
            (
                "spec.steps[0].container.env[0].name",
                'found "A=B"',
                "must be the name of an environment variable, without '='",
            ),
        ),
        crd=True,
    ),
    BadManifest(
        "an environment variable that YAML reads as a number",
        {"steps": [step("a", env=[{"name": "PORT", "value": 8080}])]},
        (("spec.steps[0].container.env[0].value", "found 8080", 'must be a string: write "8080"'),),
        crd=True,
    ),
    BadManifest(
        "an output larger than a termination message",
        {"steps": [step("a", outputs=[{"name": "id", "maxBytes": 5000}])]},
        (("spec.steps[0].outputs[0].maxBytes", "found 5000", "must be at most 4096"),),
        crd=True,
    ),
    BadManifest(
        "more steps than one Workflow may have, and errors in them",
        {"steps": [{"name": f"s{i}", "container": {"image": "" if i == 7 else "app:1"}} for i in range(4001)]},
        (
            ("spec.steps", "found 4,001 entries", "must have at most 4,000 entries"),
            ("spec.steps[7].container.image", 'found ""', "must not be empty"),
        ),
        crd=True,
    ),
    # Names and edges.
    BadManifest(
        "two steps of one name",
        {"steps": [step("a"), step("b"), step("a")]},
        (("spec.steps[2].name", 'found "a"', "is the name of spec.steps[0] already"),),
    ),
    BadManifest(
        "a dependency on a misspelt step",
        {"steps": [step("check-order"), step("pay", dependsOn=["chek-order"])]},
        (("spec.steps[1].dependsOn[0]", 'found "chek-order"', 'no such step; did you mean "check-order"?'),),
    ),
    BadManifest(
        "a dependency on a step that resembles none",
        {"steps": [step("a"), step("b", dependsOn=["zzz"])]},
        (("spec.steps[1].dependsOn[0]", 'found "zzz"', "no such step; there are a, b"),),
    ),
    BadManifest(
        "a dependency on itself",
        {"steps": [step("a", dependsOn=["a"])]},
        (("spec.steps[0].dependsOn[0]", 'found "a"', "a step cannot depend on itself"),),
    ),
    BadManifest(
        "a dependency listed twice",
        {"steps": [step("a"), step("b", dependsOn=["a", "a"])]},
        (("spec.steps[1].dependsOn[1]", 'found "a"', "is at spec.steps[1].dependsOn[0] already"),),
    ),
    BadManifest(
        "a cycle of two",
        {"steps": [step("a", dependsOn=["b"]), step("b", dependsOn=["a"])]},
        (("spec.steps[0].dependsOn[0]", "found the cycle a -> b -> a", "each step would wait for the next, for ever"),),
    ),
    BadManifest(
        "a cycle of three, and steps after it",
        {
            "steps": [
                step("z", dependsOn=["c"]),
                step("a", dependsOn=["x", "b"]),
                step("b", dependsOn=["c"]),
                step("c", dependsOn=["a"]),
                step("x"),
            ]
        },
        (
            (
                "spec.steps[1].dependsOn[1]",
                "found the cycle a -> b -> c -> a",
                "each step would wait for the next, for ever",
            ),
        ),
    ),
    BadManifest(
        "two cycles that one edge connects",
        {
            "steps": [
                step("a1", dependsOn=["b1", "a2"]),
                step("a2", dependsOn=["a1"]),
                step("b1", dependsOn=["b2"]),
                step("b2", dependsOn=["b1"]),
            ]
        },
        (
            (
                "spec.steps[0].dependsOn[1]",
                "found the cycle a1 -> a2 -> a1",
                "each step would wait for the next, for ever",
            ),
            (
                "spec.steps[2].dependsOn[0]",
                "found the cycle b1 -> b2 -> b1",
                "each step would wait for the next, for ever",
            ),
        ),
    ),
    BadManifest(
        "a cycle that a reference closes",
        {
            "steps": [
                step("a", env=[{"name": "ID", "value": "$(steps.b.outputs.id)"}]),
                step("b", dependsOn=["a"], outputs=[{"name": "id"}]),
            ]
        },
        (
            (
                "spec.steps[0].container.env[0].value",
                "found the cycle a -> b -> a",
                "each step would wait for the next, for ever",
            ),
        ),
    ),
    BadManifest(
        "a parameter given twice",
        {"parameters": [{"name": "x", "value": "1"}, {"name": "x", "value": "2"}], "steps": [step("a")]},
        (("spec.parameters[1].name", 'found "x"', "is at spec.parameters[0] already"),),
    ),
    BadManifest(
        "an output declared twice",
        {"steps": [step("a", outputs=[{"name": "id"}, {"name": "id"}])]},
        (("spec.steps[0].outputs[1].name", 'found "id"', "is at spec.steps[0].outputs[0] already"),),
    ),
    # Containers.
    BadManifest(
        "no image anywhere",
        {"steps": [{"name": "a", "container": {"command": ["true"]}}]},
        (("spec.steps[0].container.image", "missing", "is required here or in spec.defaults.container.image"),),
    ),
    BadManifest(
        "no image for an undo",
        {"steps": [step("a", compensate={"container": {"args": ["undo"]}})]},
        (
            (
                "spec.steps[0].compensate.container.image",
                "missing",
                "is required here or in spec.defaults.container.image",
            ),
        ),
    ),
    BadManifest(
        "an image with white space",
        {"steps": [step("a", container={"image": "app:1 "})]},
        (("spec.steps[0].container.image", 'found "app:1 "', "must not contain white space"),),
    ),
    BadManifest(
        "an environment variable given twice",
        {"steps": [step("a", env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])]},
        (("spec.steps[0].container.env[1].name", 'found "A"', "is at spec.steps[0].container.env[0] already"),),
    ),
    BadManifest(
        "environment variables that kubesaga sets",
        {"steps": [step("a", env=[{"name": "KUBESAGA_STEP", "value": "x"}, {"name": "TRACEPARENT", "value": "y"}])]},
        (
            ("spec.steps[0].container.env[0].name", 'found "KUBESAGA_STEP"', "is reserved: kubesaga sets it"),
            ("spec.steps[0].container.env[1].name", 'found "TRACEPARENT"', "is reserved: kubesaga sets it"),
        ),
    ),
    BadManifest(
        "an environment variable with a value and a source",
        {
            "steps": [
                step("a", env=[{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}])
            ]
        },
        (("spec.steps[0].container.env[0]", "found value and valueFrom", "must have one of them"),),
    ),
    BadManifest(
        "an environment variable with an empty source",
        {"steps": [step("a", env=[{"name": "A", "valueFrom": {}}])]},
        (
            (
                "spec.steps[0].container.env[0].valueFrom",
                "found none",
                "must have exactly one of configMapKeyRef, secretKeyRef, fieldRef and resourceFieldRef",
            ),
        ),
    ),
    BadManifest(
        "an environment variable with two sources",
        {
            "steps": [
                step(
                    "a",
                    env=[
                        {
                            "name": "A",
                            "valueFrom": {
                                "fieldRef": {"fieldPath": "metadata.name"},
                                "secretKeyRef": {"name": "s", "key": "k"},
                            },
                        }
                    ],
                )
            ]
        },
        (
            (
                "spec.steps[0].container.env[0].valueFrom",
                "found secretKeyRef and fieldRef",
                "must have exactly one of configMapKeyRef, secretKeyRef, fieldRef and resourceFieldRef",
            ),
        ),
    ),
    BadManifest(
        "a source of the environment that names nothing",
        {"steps": [step("a", container={"image": "app:1", "envFrom": [{"prefix": "X_"}]})]},
        (("spec.steps[0].container.envFrom[0]", "found none", "must have exactly one of configMapRef and secretRef"),),
    ),
    BadManifest(
        "a mount of an unknown volume",
        {
            "defaults": {"pod": {"volumes": [{"name": "scratch", "emptyDir": {}}]}},
            "steps": [
                step("a", container={"image": "app:1", "volumeMounts": [{"name": "scrach", "mountPath": "/tmp"}]})
            ],
        },
        (
            (
                "spec.steps[0].container.volumeMounts[0].name",
                'found "scrach"',
                'is no volume of spec.defaults.pod.volumes; did you mean "scratch"?',
            ),
        ),
    ),
    BadManifest(
        "two mounts at one path",
        {
            "defaults": {"pod": {"volumes": [{"name": "v", "emptyDir": {}}]}},
            "steps": [
                step(
                    "a",
                    container={
                        "image": "app:1",
                        "volumeMounts": [{"name": "v", "mountPath": "/x"}, {"name": "v", "mountPath": "/x"}],
                    },
                )
            ],
        },
        (
            (
                "spec.steps[0].container.volumeMounts[1].mountPath",
                'found "/x"',
                "is at spec.steps[0].container.volumeMounts[0] already",
            ),
        ),
    ),
    BadManifest(
        "a NUL character in an argument",
        {"steps": [step("a", container={"image": "app:1", "args": ["a\x00b"]})]},
        (("spec.steps[0].container.args[0]", 'found "a\\u0000b"', "a process cannot be given a NUL character"),),
    ),
    # Defaults.
    BadManifest(
        "a command in the defaults",
        {"defaults": {"container": {"image": "app:1", "command": ["run"], "args": []}}, "steps": [step("a")]},
        (
            ("spec.defaults.container.args", "found a value", "not in defaults: every step says its own"),
            ("spec.defaults.container.command", "found a value", "not in defaults: every step says its own"),
        ),
    ),
    BadManifest(
        "a volume without source",
        {"defaults": {"pod": {"volumes": [{"name": "v"}]}}, "steps": [step("a")]},
        (
            (
                "spec.defaults.pod.volumes[0]",
                "found none",
                "must have exactly one of configMap, secret, emptyDir, persistentVolumeClaim and hostPath",
            ),
        ),
    ),
    BadManifest(
        "a volume with two sources",
        {
            "defaults": {"pod": {"volumes": [{"name": "v", "emptyDir": {}, "configMap": {"name": "c"}}]}},
            "steps": [step("a")],
        },
        (
            (
                "spec.defaults.pod.volumes[0]",
                "found configMap and emptyDir",
                "must have exactly one of configMap, secret, emptyDir, persistentVolumeClaim and hostPath",
            ),
        ),
    ),
    BadManifest(
        "two volumes of one name",
        {
            "defaults": {"pod": {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]}},
            "steps": [step("a")],
        },
        (("spec.defaults.pod.volumes[1].name", 'found "v"', "is at spec.defaults.pod.volumes[0] already"),),
    ),
    BadManifest(
        "labels that are kubesaga's own",
        {"defaults": {"pod": {"labels": {"kubesaga.dev/step": "x", "app": "shop"}}}, "steps": [step("a")]},
        (("spec.defaults.pod.labels", 'found "kubesaga.dev/step"', "keys of kubesaga.dev are reserved"),),
    ),
    BadManifest(
        "annotations that are kubesaga's own",
        {"defaults": {"pod": {"annotations": {"kubesaga.dev/cancel": "1"}}}, "steps": [step("a")]},
        (("spec.defaults.pod.annotations", 'found "kubesaga.dev/cancel"', "keys of kubesaga.dev are reserved"),),
    ),
    BadManifest(
        "a mount of an unknown volume in the defaults",
        {
            "defaults": {"container": {"image": "app:1", "volumeMounts": [{"name": "v", "mountPath": "/x"}]}},
            "steps": [step("a")],
        },
        (
            (
                "spec.defaults.container.volumeMounts[0].name",
                'found "v"',
                "is no volume of spec.defaults.pod.volumes; there is none",
            ),
        ),
    ),
    BadManifest(
        "a reference to a step in the defaults",
        {
            "defaults": {"container": {"env": [{"name": "ID", "value": "$(steps.a.outputs.id)"}]}},
            "steps": [step("a", outputs=[{"name": "id"}])],
        },
        (
            (
                "spec.defaults.container.env[0].value",
                "found $(steps.a.outputs.id)",
                "not in defaults, which stand under every step: say it where it is needed",
            ),
        ),
    ),
    BadManifest(
        "a reference in the settings of Pods",
        {
            "parameters": [{"name": "sa", "value": "x"}],
            "defaults": {"pod": {"serviceAccountName": "$(params.sa)"}},
            "steps": [step("a")],
        },
        (
            (
                "spec.defaults.pod.serviceAccountName",
                "found $(params.sa)",
                "references are allowed in image, command, args and the values of env only",
            ),
        ),
    ),
    # Retries and undos.
    BadManifest(
        "a longest pause shorter than the first",
        {"steps": [step("a", retry={"backoffSeconds": 60, "maxBackoffSeconds": 30})]},
        (
            (
                "spec.steps[0].retry.maxBackoffSeconds",
                "found 30, with the defaults merged",
                "must not be less than backoffSeconds, 60",
            ),
        ),
    ),
    BadManifest(
        "a first pause longer than the longest by default",
        {"steps": [step("a", retry={"backoffSeconds": 600})]},
        (
            (
                "spec.steps[0].retry.maxBackoffSeconds",
                "found 300, with the defaults merged",
                "must not be less than backoffSeconds, 600",
            ),
        ),
    ),
    BadManifest(
        "pauses that contradict each other in the defaults",
        {"defaults": {"retry": {"backoffSeconds": 20, "maxBackoffSeconds": 10}}, "steps": [step("a")]},
        (
            (
                "spec.defaults.retry.maxBackoffSeconds",
                "found 10, with the defaults merged",
                "must not be less than backoffSeconds, 20",
            ),
        ),
    ),
    BadManifest(
        "outputs of the Workflow that are named twice and refer to what is not known",
        {
            "parameters": [{"name": "p", "value": "v"}],
            "steps": [step("a", outputs=[{"name": "id"}])],
            "outputs": [
                {"name": "x", "value": "$(params.q) $(steps.b.outcome) $(steps.a.outputs.ids) $(attempt)"},
                {"name": "x", "value": "$(failure.reason) $(workflow.phase) $(workflow.names)"},
            ],
        },
        (
            ("spec.outputs[0].value", "found $(attempt)", "known only in a container"),
            ("spec.outputs[0].value", "found $(params.q)", 'no such parameter; there is only "p"'),
            ("spec.outputs[0].value", "found $(steps.a.outputs.ids)", 'no such output of step a; did you mean "id"?'),
            ("spec.outputs[0].value", "found $(steps.b.outcome)", 'no such step; there is only "a"'),
            ("spec.outputs[1].name", 'found "x"', "is at spec.outputs[0] already"),
            (
                "spec.outputs[1].value",
                "found $(failure.reason)",
                "the failure is known only in compensate.container and in finally",
            ),
            ("spec.outputs[1].value", "found $(workflow.names)", 'no such part of the Workflow; did you mean "name"?'),
            (
                "spec.outputs[1].value",
                "found $(workflow.phase)",
                "the phase that the run ends with is known only in finally",
            ),
        ),
    ),
    BadManifest(
        "an output of the Workflow without a value",
        {"steps": [step("a")], "outputs": [{"name": "x"}, {"name": "y", "value": "$(params.z)"}]},
        (
            ("spec.outputs[0].value", "missing", "is required"),
            ("spec.outputs[1].value", "found $(params.z)", "no such parameter; there is none"),
        ),
        crd=True,
    ),
    BadManifest(
        "outputs of the Workflow that may become too long",
        {
            "steps": [step("a", outputs=[{"name": "id", "maxBytes": 2048}, {"name": "other"}])],
            "outputs": [
                {"name": "x", "value": "$(steps.a.outputs.id)$(steps.a.outputs.other)$(steps.a.outcome)"},
                {"name": "y", "value": "$(steps.a.outputs.id) $(workflow.uid)"},
            ],
        },
        (
            (
                "spec.outputs",
                "found 4,399 bytes in all of them together, by maxBytes of what they refer to",
                "must be at most 4,096",
            ),
        ),
    ),
    BadManifest(
        "exit codes that are chosen in both ways, in none, and are none",
        {
            "defaults": {"retry": {"onExitCodes": {}}},
            "steps": [
                step(
                    "a",
                    retry={"onExitCodes": {"in": [1], "notIn": [2]}},
                    compensate={
                        "container": {"image": "app:1"},
                        "retry": {"onExitCodes": {"in": [0, 256], "notIn": []}},
                    },
                )
            ],
        },
        (
            ("spec.defaults.retry.onExitCodes", "found none", "must have exactly one of in and notIn"),
            ("spec.steps[0].compensate.retry.onExitCodes.in[0]", "found 0", "must be at least 1"),
            ("spec.steps[0].compensate.retry.onExitCodes.in[1]", "found 256", "must be at most 255"),
            ("spec.steps[0].compensate.retry.onExitCodes.notIn", "found an empty list", "must have an entry"),
            ("spec.steps[0].retry.onExitCodes", "found in and notIn", "must have exactly one of in and notIn"),
        ),
        crd=True,
    ),
    BadManifest(
        "pauses of an undo that contradict each other",
        {"steps": [step("a", compensate={"container": {"image": "app:1"}, "retry": {"maxBackoffSeconds": 5}})]},
        (
            (
                "spec.steps[0].compensate.retry.maxBackoffSeconds",
                "found 5, with the defaults merged",
                "must not be less than backoffSeconds, 10",
            ),
        ),
    ),
    BadManifest(
        "an undo that says nothing",
        {"steps": [step("a", compensate={})]},
        (("spec.steps[0].compensate", "found none", "must have exactly one of container and deleteJob"),),
        crd=True,
    ),
    BadManifest(
        "an undo in two ways",
        {"steps": [step("a", compensate={"container": {"image": "app:1"}, "deleteJob": {}})]},
        (
            (
                "spec.steps[0].compensate",
                "found container and deleteJob",
                "must have exactly one of container and deleteJob",
            ),
        ),
        crd=True,
    ),
    BadManifest(
        "retries of an undo that runs no Job",
        {"steps": [step("a", compensate={"deleteJob": {}, "retry": {"limit": 2}, "timeoutSeconds": 9})]},
        (
            ("spec.steps[0].compensate.retry", "found a value", "has no effect on deleteJob, which runs no Job"),
            (
                "spec.steps[0].compensate.timeoutSeconds",
                "found a value",
                "has no effect on deleteJob, which runs no Job",
            ),
        ),
    ),
    # Fallbacks.
    BadManifest(
        "a fallback without a container",
        {"steps": [step("a", fallback={"retry": {"limit": 1}})]},
        (("spec.steps[0].fallback.container", "missing", "is required"),),
        crd=True,
    ),
    BadManifest(
        "a fallback that cannot be run",
        {
            "steps": [
                step(
                    "a",
                    fallback={
                        "container": {"command": ["$(steps.b.outputs.id)"]},
                        "retry": {"backoffSeconds": 400},
                        "compensate": {},
                    },
                )
            ]
        },
        (
            ("spec.steps[0].fallback.compensate", "found none", "must have exactly one of container and deleteJob"),
            (
                "spec.steps[0].fallback.container.command[0]",
                "found $(steps.b.outputs.id)",
                'no such step; there is only "a"',
            ),
            (
                "spec.steps[0].fallback.container.image",
                "missing",
                "is required here or in spec.defaults.container.image",
            ),
            (
                "spec.steps[0].fallback.retry.maxBackoffSeconds",
                "found 300, with the defaults merged",
                "must not be less than backoffSeconds, 400",
            ),
        ),
    ),
    BadManifest(
        "an undo by deletion where there are two ways to undo",
        {
            "steps": [
                step(
                    "a",
                    compensate={"deleteJob": {}},
                    fallback={"container": {"image": "app:2"}, "compensate": {"deleteJob": {}}},
                )
            ]
        },
        tuple(
            (
                f"spec.steps[0].{place}compensate.deleteJob",
                "found a value",
                "not in a step with a fallback, whose ways are undone one by one: use a container",
            )
            for place in ("", "fallback.")
        ),
    ),
    BadManifest(
        "an approval with a fallback, and an irreversible step whose fallback can be undone",
        {
            "steps": [
                {"name": "a", "approval": {"message": "go on?"}, "fallback": {"container": {"image": "app:2"}}},
                step(
                    "b",
                    boundary="Irreversible",
                    fallback={"container": {"image": "app:2"}, "compensate": {"container": {"image": "app:2"}}},
                ),
            ]
        },
        (
            ("spec.steps[0].fallback", "found a value", "not with approval: there is nothing that could fail"),
            (
                "spec.steps[1].boundary",
                'found "Irreversible"',
                "not with compensate: what can be undone is not irreversible",
            ),
        ),
    ),
    # References.
    BadManifest(
        "a misspelt parameter",
        {
            "parameters": [{"name": "region", "value": "eu"}],
            "steps": [step("a", env=[{"name": "R", "value": "$(params.regoin)"}])],
        },
        (
            (
                "spec.steps[0].container.env[0].value",
                "found $(params.regoin)",
                'no such parameter; did you mean "region"?',
            ),
        ),
    ),
    BadManifest(
        "a parameter where there is none",
        {"steps": [step("a", container={"image": "app:$(params.tag)"})]},
        (("spec.steps[0].container.image", "found $(params.tag)", "no such parameter; there is none"),),
    ),
    BadManifest(
        "a misspelt part of the Workflow",
        {"steps": [step("a", env=[{"name": "N", "value": "$(workflow.nmae)"}])]},
        (
            (
                "spec.steps[0].container.env[0].value",
                "found $(workflow.nmae)",
                'no such part of the Workflow; did you mean "name"?',
            ),
        ),
    ),
    BadManifest(
        "an output that is not declared",
        {
            "steps": [
                step("a", outputs=[{"name": "order"}]),
                step("b", env=[{"name": "O", "value": "$(steps.a.outputs.ordr)"}]),
            ]
        },
        (
            (
                "spec.steps[1].container.env[0].value",
                "found $(steps.a.outputs.ordr)",
                'no such output of step a; did you mean "order"?',
            ),
        ),
    ),
    BadManifest(
        "an output of an unknown step",
        {
            "steps": [
                step("reserve", outputs=[{"name": "id"}]),
                step("pay", env=[{"name": "ID", "value": "$(steps.reserv.outputs.id)"}]),
            ]
        },
        (
            (
                "spec.steps[1].container.env[0].value",
                "found $(steps.reserv.outputs.id)",
                'no such step; did you mean "reserve"?',
            ),
        ),
    ),
    BadManifest(
        "a reference that is only half of one",
        {"steps": [step("a", outputs=[{"name": "id"}]), step("b", env=[{"name": "ID", "value": "$(steps.a.id)"}])]},
        (
            (
                "spec.steps[1].container.env[0].value",
                "found $(steps.a.id)",
                "must be $(steps.NAME.outputs.KEY) or $(steps.NAME.outcome)",
            ),
        ),
    ),
    BadManifest(
        "an output of the step itself",
        {"steps": [step("a", outputs=[{"name": "id"}], env=[{"name": "ID", "value": "$(steps.a.outputs.id)"}])]},
        (
            (
                "spec.steps[0].container.env[0].value",
                "found $(steps.a.outputs.id)",
                "a step cannot refer to itself; its undo can",
            ),
        ),
    ),
    BadManifest(
        "the failure outside of an undo",
        {"steps": [step("a", env=[{"name": "WHY", "value": "$(failure.reason)"}])]},
        (
            (
                "spec.steps[0].container.env[0].value",
                "found $(failure.reason)",
                "the failure is known only in compensate.container and in finally",
            ),
        ),
    ),
    BadManifest(
        "a misspelt part of the failure",
        {"steps": [step("a", compensate={"container": {"image": "app:1", "args": ["$(failure.cause)"]}})]},
        (
            (
                "spec.steps[0].compensate.container.args[0]",
                "found $(failure.cause)",
                "no such part of the failure; there are step, reason, message",
            ),
        ),
    ),
    BadManifest(
        "an undo that refers to a step that does not come before",
        {
            "steps": [
                step("a", compensate={"container": {"image": "app:1", "args": ["$(steps.b.outputs.id)"]}}),
                step("b", dependsOn=["a"], outputs=[{"name": "id"}]),
            ]
        },
        (
            (
                "spec.steps[0].compensate.container.args[0]",
                "found $(steps.b.outputs.id)",
                "an undo may refer to its own step and to those before it; b does not come before a",
            ),
        ),
    ),
    BadManifest(
        "a part of a step that there is not, and the outcome of what does not come before",
        {
            "steps": [
                step("a", env=[{"name": "O", "value": "$(steps.b.outcom)"}], compensate=_TELLS_OF_B),
                step("b", dependsOn=["a"], env=[{"name": "O", "value": "$(steps.b.outcome)"}]),
            ]
        },
        (
            (
                "spec.steps[0].compensate.container.args[0]",
                "found $(steps.b.outcome)",
                "an undo may refer to its own step and to those before it; b does not come before a",
            ),
            (
                "spec.steps[0].container.env[0].value",
                "found $(steps.b.outcom)",
                "must be $(steps.NAME.outputs.KEY) or $(steps.NAME.outcome)",
            ),
            (
                "spec.steps[1].container.env[0].value",
                "found $(steps.b.outcome)",
                "a step cannot refer to itself; its undo can",
            ),
        ),
    ),
    BadManifest(
        "an item, which comes later",
        {"steps": [step("a", container={"image": "app:1", "args": ["$(item)", "$(item.name)"]})]},
        (
            ("spec.steps[0].container.args[0]", "found $(item)", "fan-out is not supported by this version"),
            ("spec.steps[0].container.args[1]", "found $(item.name)", "fan-out is not supported by this version"),
        ),
    ),
    BadManifest(
        "a reference where nothing is substituted",
        {
            "steps": [
                step(
                    "a",
                    container={
                        "image": "app:1",
                        "workingDir": "/data/$(workflow.name)",
                        "env": [{"name": "X_$(attempt)", "value": ""}],
                    },
                )
            ]
        },
        (
            (
                "spec.steps[0].container.env[0].name",
                "found $(attempt)",
                "references are allowed in image, command, args and the values of env only",
            ),
            (
                "spec.steps[0].container.workingDir",
                "found $(workflow.name)",
                "references are allowed in image, command, args and the values of env only",
            ),
        ),
    ),
    BadManifest(
        "a reference inside of what the kubelet leaves alone",
        {"steps": [step("a", env=[{"name": "NOW", "value": "$(date -d $(workflow.name))"}])]},
        (
            (
                "spec.steps[0].container.env[0].value",
                "found $(workflow.name)",
                "not inside of another $(...), where the kubelet would not undo the escape of its value",
            ),
        ),
    ),
    # Scripts.
    BadManifest(
        "a reference in a script",
        {
            "parameters": [{"name": "p", "value": "x"}],
            "steps": [step("a", container={"image": "app:1", "command": ["/bin/sh", "-c", "echo $(params.p)"]})],
        },
        (
            (
                "spec.steps[0].container.command[2]",
                "found $(params.p)",
                "not in the script of a shell, which would run the value as code: pass it by env",
            ),
        ),
    ),
    BadManifest(
        "a reference in a script behind options",
        {
            "parameters": [{"name": "p", "value": "x"}],
            "steps": [
                step(
                    "a",
                    container={
                        "image": "app:1",
                        "command": ["bash", "-eu", "-o", "pipefail", "-c"],
                        "args": ["echo $(params.p)"],
                    },
                )
            ],
        },
        (
            (
                "spec.steps[0].container.args[0]",
                "found $(params.p)",
                "not in the script of a shell, which would run the value as code: pass it by env",
            ),
        ),
    ),
    BadManifest(
        "a reference in a script of a shell behind env",
        {
            "parameters": [{"name": "p", "value": "x"}],
            "steps": [
                step("a", container={"image": "app:1", "command": ["/usr/bin/env", "bash", "-xc", "echo $(params.p)"]})
            ],
        },
        (
            (
                "spec.steps[0].container.command[3]",
                "found $(params.p)",
                "not in the script of a shell, which would run the value as code: pass it by env",
            ),
        ),
    ),
    BadManifest(
        "a reference in a script for an unknown entrypoint",
        {
            "parameters": [{"name": "p", "value": "x"}],
            "steps": [step("a", container={"image": "app:1", "args": ["-c", "echo $(params.p)"]})],
        },
        (
            (
                "spec.steps[0].container.args[1]",
                "found $(params.p)",
                "not in the script of a shell, which would run the value as code: pass it by env",
            ),
        ),
    ),
    BadManifest(
        "a reference in the script of an undo",
        {
            "steps": [
                step(
                    "a",
                    compensate={"container": {"image": "app:1", "command": ["sh", "-c", "undo '$(failure.message)'"]}},
                )
            ]
        },
        (
            (
                "spec.steps[0].compensate.container.command[2]",
                "found $(failure.message)",
                "not in the script of a shell, which would run the value as code: pass it by env",
            ),
        ),
    ),
    # Sizes.
    BadManifest(
        "outputs of a step larger together than a termination message",
        {"steps": [step("a", outputs=[{"name": f"o{i}", "maxBytes": 2000} for i in range(3)])]},
        (
            (
                "spec.steps[0].outputs",
                "found 6,000 bytes of maxBytes together",
                "must be at most 4,096, the kubelet's limit of a termination message",
            ),
        ),
    ),
    BadManifest(
        "outputs of all steps larger together than a quarter of the object",
        {"steps": [step(f"s{i}", outputs=[{"name": "o", "maxBytes": 4096}]) for i in range(65)]},
        (("spec.steps", "found 266,240 bytes of maxBytes in all outputs together", "must be at most 262,144"),),
    ),
    BadManifest(
        "an object that may outgrow etcd",
        {
            "steps": [
                step(f"s{i}", compensate={"deleteJob": {}}, env=[{"name": "TEXT", "value": "x" * 1000}])
                for i in range(800)
            ]
        },
        (
            (
                "spec",
                "the object may grow to 1,116,865 bytes, with the status of every step and undo",
                "must be at most 1,048,576: use fewer steps, shared defaults, or smaller outputs",
            ),
        ),
    ),
    # Finally steps.
    BadManifest(
        "finally steps with what only steps have, and malformed ones",
        {
            "steps": [step("a")],
            "finally": [step("y", dependsOn=["a"]), None, {"name": "z"}, {"container": {"image": "i"}}, "w"],
        },
        (
            (
                "spec.finally[0].dependsOn",
                'unknown field "dependsOn"',
                "there are name, container, retry, timeoutSeconds",
            ),
            ("spec.finally[1]", "found null", "must be an object"),
            ("spec.finally[2].container", "missing", "is required"),
            ("spec.finally[3].name", "missing", "is required"),
            ("spec.finally[4]", 'found "w"', "must be an object"),
        ),
        crd=True,
    ),
    BadManifest(
        "too many finally steps",
        {"steps": [step("a")], "finally": [step(f"z{index}") for index in range(101)]},
        (("spec.finally", "found 101 entries", "must have at most 100 entries"),),
        crd=True,
    ),
    BadManifest(
        "steps and finally steps that are too many together",
        {"steps": [step(f"s{index}") for index in range(4000)], "finally": [step("z")]},
        (("spec.finally", "found 4,001 steps, those of spec.steps included", "must be at most 4,000"),),
    ),
    BadManifest(
        "a finally step with the name of another step",
        {"steps": [step("a")], "finally": [step("a"), step("z"), step("z")]},
        (
            ("spec.finally[0].name", 'found "a"', "is the name of spec.steps[0] already"),
            ("spec.finally[2].name", 'found "z"', "is the name of spec.finally[1] already"),
        ),
    ),
    BadManifest(
        "a finally step without an image, with a backoff that shrinks, and with references to nothing",
        {
            "steps": [step("a")],
            "finally": [
                step("y", {}, retry={"backoffSeconds": 10, "maxBackoffSeconds": 5}),
                step(
                    "z",
                    env=[{"name": "B", "value": "$(steps.b.outcome)"}, {"name": "K", "value": "$(steps.a.outputs.k)"}],
                ),
                step(
                    "x", env=[{"name": "W", "value": "$(workflow.end)"}, {"name": "Z", "value": "$(steps.z.outcome)"}]
                ),
            ],
        },
        (
            ("spec.finally[0].container.image", "missing", "is required here or in spec.defaults.container.image"),
            (
                "spec.finally[0].retry.maxBackoffSeconds",
                "found 5, with the defaults merged",
                "must not be less than backoffSeconds, 10",
            ),
            ("spec.finally[1].container.env[0].value", "found $(steps.b.outcome)", 'no such step; there is only "a"'),
            (
                "spec.finally[1].container.env[1].value",
                "found $(steps.a.outputs.k)",
                "no such output of step a; there is none",
            ),
            (
                "spec.finally[2].container.env[0].value",
                "found $(workflow.end)",
                "no such part of the Workflow; there are name, namespace, uid, phase, reason",
            ),
            ("spec.finally[2].container.env[1].value", "found $(steps.z.outcome)", 'no such step; there is only "a"'),
        ),
    ),
    BadManifest(
        "how it ends outside of finally",
        {"steps": [step("a", env=[{"name": "P", "value": "$(workflow.phase)"}])]},
        (
            (
                "spec.steps[0].container.env[0].value",
                "found $(workflow.phase)",
                "the phase that the run ends with is known only in finally",
            ),
        ),
    ),
    # Several at once.
    BadManifest(
        "errors in a malformed step do not hide those of others",
        {
            "steps": [
                step(
                    "a",
                    retry={"limit": "3"},
                    outputs=[{"name": 5}],
                    env=[{"name": "KUBESAGA_X", "value": "$(params.p)"}],
                ),
                step("b", dependsOn=["a", "c"], env=[{"name": "ID", "value": "$(steps.a.outputs.id)"}]),
                "c",
            ]
        },
        (
            ("spec.steps[0].container.env[0].name", 'found "KUBESAGA_X"', "is reserved: kubesaga sets it"),
            ("spec.steps[0].container.env[0].value", "found $(params.p)", "no such parameter; there is none"),
            ("spec.steps[0].outputs[0].name", "found 5", 'must be a string: write "5"'),
            ("spec.steps[0].retry.limit", 'found "3"', "must be an integer"),
            ("spec.steps[1].dependsOn[1]", 'found "c"', "no such step; there are a, b"),
            ("spec.steps[2]", 'found "c"', "must be an object"),
        ),
        crd=True,
    ),
    BadManifest(
        "a malformed image causes no error of its own",
        {"defaults": {"container": {"image": 1}}, "steps": [{"name": "a", "container": {}}]},
        (("spec.defaults.container.image", "found 1", 'must be a string: write "1"'),),
        crd=True,
    ),
)
