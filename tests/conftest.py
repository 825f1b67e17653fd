"""What holds for all tests: the examples that Hypothesis draws are the same in every run."""

import os

from hypothesis import Phase, settings

settings.register_profile("repeatable", derandomize=True)
# Where a failure is all that is asked for, nobody reads the smallest example: shrinking it takes minutes.
settings.register_profile("fails-fast", derandomize=True, phases=(Phase.explicit, Phase.generate))
settings.load_profile(os.environ.get("KUBESAGA_TEST_PROFILE", "repeatable"))
