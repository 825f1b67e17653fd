"""The chart's rights are exactly those that the tests of this session made the installed operator use."""

import json

from cluster.audit import AuditLog
from cluster.command import Command


def test_every_right_is_used_and_none_is_missing(kubectl: Command, audit_log: AuditLog, installed: str) -> None:
    account = f"system:serviceaccount:{installed}:kubesaga"
    asked = [r for r in audit_log.requests(user=account) if r.resource]
    refused = {(r.resource, r.verb) for r in asked if not r.allowed}
    assert refused == set(), "it asked for what it may not do"
    used = {(r.resource, r.verb) for r in asked}
    role = json.loads(kubectl("get", "clusterrole", "kubesaga", "-o", "json"))
    granted = {(resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}
    assert used == granted
