"""What holds for every test: a slow machine is no failure, and the same commit says the same.

``make test`` draws the same examples each time (``derandomize``), so that a red run is the commit's
doing; ``make test-fresh`` draws new ones (``--hypothesis-profile fresh``), every night.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "rollout", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("fresh", settings.get_profile("rollout"), derandomize=False)
settings.load_profile("rollout")
