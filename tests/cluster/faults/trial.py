"""Trials: references that run in namespaces of their own, and what they did there."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from cluster.audit import AuditLog
from cluster.faults.api_server import WORKFLOWS, ApiServer, Raw
from cluster.faults.operators import Operators, Write
from cluster.faults.references import Reference, differences, digest, doubled_and_lost


@dataclass(frozen=True)
class Undisturbed:
    """How a reference runs when nothing happens to it."""

    digest: Raw
    writes: list[Write]


@dataclass(frozen=True)
class Trial:
    """Begins references and judges how they ended."""

    api: ApiServer
    operators: Operators
    audit_log: AuditLog

    @contextmanager
    def namespace(self, *what: str) -> Iterator[str]:
        """A namespace that says what it is for; removed afterwards, without waiting for it."""
        name = "-".join((*what, uuid.uuid4().hex[:6]))
        self.api.make_namespace(name)
        yield name  # After a failure it stays, to be looked at: no `finally` here.
        self.api.delete(f"api/v1/namespaces/{name}")

    def begin(self, namespace: str, references: Mapping[str, Reference]) -> None:
        """Create these Workflows."""
        for name, reference in references.items():
            self.api.create(WORKFLOWS.format(namespace), reference.manifest(name))

    def jobs_created(self, namespace: str) -> list[str]:
        """The name of each Job ever created there, as often as it was created.

        An API server that is killed may not have told of what it did: what stands was created.
        """
        standing = [job["metadata"]["name"] for job in self.api.jobs(namespace)]
        told = self.audit_log.jobs_created(namespace, standing)
        return sorted(told + list(set(standing) - set(told)))

    def problems(
        self, namespace: str, references: Mapping[str, Reference], ended: Mapping[str, Raw], right: Mapping[str, Raw]
    ) -> list[str]:
        """What differs from the undisturbed runs: `right` has the digest of each reference."""
        created = Counter(self.jobs_created(namespace))
        found = [f"{job} was created {count} times" for job, count in created.items() if count > 1]
        jobs = defaultdict(list)
        for job in self.api.jobs(namespace):
            jobs[job["metadata"]["ownerReferences"][0]["name"]].append(job["metadata"]["name"])
        standing = {name for names in jobs.values() for name in names}
        found += [f"{job} was created and is not there" for job in created.keys() - standing]
        for name, reference in references.items():
            wrong = doubled_and_lost(jobs[name], reference.jobs)
            wrong += differences(digest(ended[name]), right[reference.name])
            found += [f"{name}: {one}" for one in wrong]
        return found
