"""Waiting for many objects by one watch: `kubectl wait` asks for each of them by itself, a few a second."""

from cluster.command import Command


def wait_for_all(kubectl: Command, namespace: str, resource: str, count: int, path: str, value: str, seconds: float):
    """Wait until `count` objects have `value` at the JSON path; an error if they have not in time."""
    columns = f"custom-columns=NAME:.metadata.name,VALUE:{path}"
    arguments = ["get", resource, "--namespace", namespace, "--watch", "--no-headers", "--output", columns]
    there: set[str] = set()
    with kubectl.lines(*arguments, timeout=seconds) as lines:
        for line in lines:
            name, found = line.split(maxsplit=1)
            if found.strip() == value:
                there.add(name)
                if len(there) == count:
                    return
    raise AssertionError(f"{len(there)} of {count} {resource} have {path} {value} after {seconds} s")


def wait_for_jobs(kubectl: Command, namespace: str, count: int, seconds: float = 120) -> None:
    """Wait until so many Jobs are complete, by the Job controller's word."""
    wait_for_all(kubectl, namespace, "jobs", count, '.status.conditions[?(@.type=="Complete")].status', "True", seconds)
