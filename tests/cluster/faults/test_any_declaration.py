"""Whatever is declared of a Workflow on a real API server, it comes to the right end once what is declared is good.

The small sister of tests/scenario/controller/test_declared_states.py: here the API server itself refuses what it must.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cluster.faults.api_server import WORKFLOWS, ApiServer, ApiServerError, Raw
from cluster.faults.operators import Operator
from cluster.faults.person import POLL_SECONDS, see_to_the_end
from cluster.faults.references import Asked, Reference
from cluster.faults.trial import Trial
from cluster.manifests import fake
from kubesaga.engine.verb import Verb

pytestmark = pytest.mark.timeout(300)
