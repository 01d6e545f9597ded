"""How Hypothesis runs here: one profile for all tests."""

import os

from hypothesis import HealthCheck, settings

default = settings.default
assert default is not None  # hypothesis loads a profile of its own first

# How long an example or its drawing takes says more of what else the machine does than of the code. Networks and chips are large values.
settings.register_profile(
    "stream_evo",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
    derandomize="CI" in os.environ,  # a change is judged by the same examples each time; new ones are sought on people's machines
    database=None if "CI" in os.environ else default.database,
)
settings.load_profile("stream_evo")
