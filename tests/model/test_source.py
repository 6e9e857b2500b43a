from rollout.model.source import RolloutSource
from rollout.model.spec import RolloutSourceSpec


def test_a_source_knows_its_key() -> None:
    spec = RolloutSourceSpec(url="https://git.example.com/shop.git")
    assert RolloutSource("shop", "team", "u1", 1, spec).key == "team/shop"
