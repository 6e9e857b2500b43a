"""The bill of materials: every package of the lock once, with its version and hashes."""

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_package_of_the_lock_is_named_with_version_hash_and_licence() -> None:
    made = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "sbom")], check=True, capture_output=True, text=True
    )
    bom = json.loads(made.stdout)
    lock = (ROOT / "requirements.lock").read_text()
    parts = {(part["name"], part["version"]) for part in bom["components"]}
    assert parts == set(re.findall(r"^([A-Za-z0-9._-]+)==([^\s\\]+)", lock, re.MULTILINE))
    digests = {
        digest["content"]
        for part in bom["components"]
        for reference in part["externalReferences"]
        for digest in reference["hashes"]
    }
    assert digests == set(re.findall(r"sha256:([0-9a-f]{64})", lock))
    here = {found.name.lower().replace("_", "-") for found in metadata.distributions()}
    unsaid = {part["name"] for part in bom["components"] if not part["licenses"]}
    assert unsaid & here == set(), "only what another system needs is without its licence"
    assert bom["dependencies"][0]["dependsOn"] == [part["bom-ref"] for part in bom["components"]]
