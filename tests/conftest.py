"""What holds for all tests."""

import pytest
from hypothesis import HealthCheck, settings

from tests.support.caller import forget_the_caller

forget_the_caller()

# These machines are shared and slow at times: how long an example takes proves nothing.
settings.register_profile(
    "hactl", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("hactl")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seen", metavar="FILE", default="", help="note what the truth table has seen in a file"
    )
