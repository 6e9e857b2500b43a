"""What holds for every test: a slow machine is no failure, and the same commit says the same.

``make test`` draws the same examples each time (``derandomize``), so that a red run is the commit's
doing; ``make test-fresh`` draws new ones (``--hypothesis-profile fresh``), every night.
"""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "rollout", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("fresh", settings.get_profile("rollout"), derandomize=False)
settings.load_profile("rollout")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew", action="store_true", help="write the golden screens anew")


@pytest.fixture
def renew(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are written anew instead of compared."""
    return bool(request.config.getoption("--renew"))
