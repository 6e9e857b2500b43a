"""What an operator or a pipeline passes: arguments, files named by them, the policy, requests."""

from functools import cache
from pathlib import Path

from typer.testing import CliRunner

from rollout.cli import exits, main, policy
from rollout.cli.github.workflow import Annotation
from rollout.cli.settings import address
from rollout.errors import RolloutError
from rollout.manifest import objects
from tests.fuzz import oracle, scratch
from tests.fuzz.bites import Bites, spliced
from tests.fuzz.doors.manifests import FILES, TOKENS

POLICY = (
    b"localGit: false\nwebhooks: [10.0.0.0/8]\nsigners:\n  team: |\n    ann@x ssh-ed25519 AAAA\n",
    b"slack: {botToken: /a, appToken: /b}\npage: {hosts: [x], readers: loggedIn}\n",
    b"push: {secret: /c}\nlocalGit: true\n",
    b"abroad: {a/b: [c]}\nmanifests: {'*': [ConfigMap, Ingress.networking.k8s.io]}\n",
)
WORDS = (
    *("validate", "plan", "schema", "crds", "convert", "status", "history", "explain", "audit"),
    *("verify", "show", "version", "rbac", "promote", "approve", "shop", "shop/shop", "undo"),
    *("upgrade/mesh", "switchover/x", "-o", "json", "yaml", "name", "--output", "--help", "-n"),
    *("--kubeconfig", "--context", "--namespace", "--strict", "--reason", "--", "-", "--commit"),
    *("Rollout", "@FILE", "@FILE", "@FILE", "@FOLDER", "/nonexistent", "--no-such", "-oyaml"),
)
OFFLINE = ("validate", "convert", "schema", "crds", "plan")
CODES = frozenset(int(code) for code in exits.Exit)


def read(data: bytes) -> None:
    """One command line, one policy file, or one request by annotation."""
    bites = Bites(data)
    way = bites.byte() % 16
    if way == 0:
        _called(bites)
    elif way < 8:
        _policy(bites)
    else:
        _small(bites)


@cache
def _folder() -> Path:
    return scratch.folder()


def _policy(bites: Bites) -> None:
    file = _folder() / "policy.yaml"
    file.write_bytes(spliced(bites.pick(POLICY), bites, TOKENS))
    try:
        policy.read(str(file))
    except RolloutError as error:
        oracle.refused(error)


def _small(bites: Bites) -> None:
    text = bites.text()
    objects.request(text)
    asked = objects.request("promote@1")
    objects.noted(asked, bites.text())
    oracle.sentences([objects.one_line(text, 120)])
    try:
        address("--listen", text)
    except RolloutError as error:
        oracle.refused(error)
    made = Annotation(text, bites.text(), 1, bites.text()).command()
    if "\n" in made or "\r" in made or not made.startswith("::error "):
        raise oracle.Fault("a workflow command of its own", made)


def _called(bites: Bites) -> None:
    file = _folder() / "rollout.yaml"
    file.write_bytes(spliced(bites.pick(FILES), bites, TOKENS, most=2))
    places = {"@FILE": str(file), "@FOLDER": str(_folder())}
    words = [bites.pick(OFFLINE)] if bites.byte() < 160 else []
    for _ in range(bites.below(6)):
        word = bites.pick(WORDS) if bites.byte() < 200 else bites.text()
        words.append(places.get(word, word))
    environment = {"KUBECONFIG": "/nonexistent", "NO_COLOR": "1", "HOME": "/nonexistent"}
    told = CliRunner().invoke(main.app, words, env=environment)
    if isinstance(told.exception, RolloutError):
        oracle.refused(told.exception)
    elif told.exception is not None and not isinstance(told.exception, SystemExit):
        raise told.exception
    elif told.exit_code not in CODES:
        raise oracle.Fault(f"exit code {told.exit_code}", " ".join(words))
    if told.exit_code != exits.Exit.INPUT:
        oracle.lines(told.stderr)
    elif steering := [c for c in told.stderr if (ord(c) < 32 and c != "\n") or c == "\x7f"]:
        raise oracle.Fault("a usage error that steers the terminal", repr(steering))
