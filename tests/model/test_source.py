import pytest

from rollout.model.source import RolloutSource, folders
from rollout.model.sourcespec import RolloutSourceSpec


def test_a_source_knows_its_key() -> None:
    spec = RolloutSourceSpec(url="https://git.example.com/shop.git")
    assert RolloutSource("shop", "team", "u1", 1, spec).key == "team/shop"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("", ()),
        (".", ()),
        ("/", ()),
        ("deploy", ("deploy",)),
        ("./deploy", ("deploy",)),
        ("/deploy//shop/./", ("deploy", "shop")),
        ("..deploy", ("..deploy",)),
    ],
)
def test_a_path_names_the_same_folders_in_every_spelling(path: str, names: tuple[str, ...]) -> None:
    assert folders(path) == names


@pytest.mark.parametrize("path", ["..", "deploy/../..", "/../etc"])
def test_no_path_leads_out_of_the_repository(path: str) -> None:
    with pytest.raises(ValueError, match="a folder inside the repository is wanted"):
        folders(path)
