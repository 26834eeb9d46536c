"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# These machines are shared and slow at times: how long an example takes proves nothing.
settings.register_profile(
    "hactl", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("hactl")
