"""What holds for every test: a slow machine is no failure."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("rollout", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rollout")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew", action="store_true", help="write the golden screens anew")


@pytest.fixture
def renew(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are written anew instead of compared."""
    return bool(request.config.getoption("--renew"))
