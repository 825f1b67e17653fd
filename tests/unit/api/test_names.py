"""Names are decided once: DNS labels, short enough, and never two things under one."""

import re

from hypothesis import given
from hypothesis import strategies as st

from kubesaga.api.names import Direction, idempotency_key, job_name, lease_name, traceparent

STEP = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
JOBS = st.tuples(st.uuids().map(str), STEP, st.sampled_from(Direction), st.integers(1, 101), st.integers(1, 9))


@given(JOBS)
def test_a_job_name_is_a_dns_label_of_at_most_57_characters(job: tuple) -> None:
    name = job_name(*job)
    assert len(name) <= 57
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)


@given(st.lists(JOBS, unique=True, min_size=2))
def test_no_two_attempts_share_a_name(jobs: list[tuple]) -> None:
    assert len({job_name(*job) for job in jobs}) == len(jobs)


KEYS = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", fullmatch=True)


@given(st.lists(KEYS, unique=True, min_size=2))
def test_the_lease_of_a_key_has_a_name_of_its_own_that_is_a_dns_subdomain(keys: list[str]) -> None:
    names = {lease_name(key) for key in keys}
    assert len(names) == len(keys)
    assert all(len(name) <= 253 and re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name) for name in names)


def test_names_never_change_between_versions() -> None:
    assert lease_name("Deploy_1.x") == "kubesaga-deploy-1-x-xwtaisnnv2loug7vmhe3"
    assert job_name("u", "ship", Direction.FORWARD, 1) == "ship-f1-ccd336bcx5xdkrszbw2d"
    assert job_name("u", "ship", Direction.COMPENSATION, 2) == "ship-c2-s5ho4gkqxqmfj77wpsyu"


def test_a_key_depends_on_the_incarnation_not_on_the_attempt() -> None:
    assert idempotency_key("u", "s", Direction.FORWARD) == idempotency_key("u", "s", Direction.FORWARD)
    assert idempotency_key("u", "s", Direction.FORWARD, 2) != idempotency_key("u", "s", Direction.FORWARD, 1)


def test_one_trace_a_workflow_one_span_a_job() -> None:
    first, second = traceparent("u", "a"), traceparent("u", "b")
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", first)
    assert first[:36] == second[:36]
    assert first != second
