"""Every screen as people see it, compared whole: at 80 and 120 columns, dumb, and in a pipe.

``.venv/bin/python -m pytest tests/cli/screens --renew`` writes them anew; read the diff then.
"""

import asyncio
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from rollout.cli import clock, cluster, drawn, exits, main, output
from rollout.cli.cluster import UnreadRollout
from rollout.cli.look import mesh, pictures
from rollout.errors import ManifestError, RolloutError
from rollout.lab.apiserver.server import kubeconfig
from rollout.lab.kube.client import Kind, Kube
from tests.cli.conftest import ROLLOUT
from tests.cli.look.test_mesh import UPGRADE
from tests.cli.screens.objects import NAMESPACE, NOW, SWITCHED, objects

GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = Path(__file__).parents[3] / "examples"
SWITCHOVER = Kind("rollout.dev", "v1alpha1", "clusterswitchovers", "ClusterSwitchover")
KINDS = {kind.name: kind for kind in (ROLLOUT, UPGRADE, SWITCHOVER)}
STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screen(NamedTuple):
    """Where words go: its width, and the variables of a terminal; no width is a pipe."""

    columns: int
    variables: dict[str, str]


SCREENS = {
    "80": Screen(80, {"TERM": "xterm-256color"}),
    "120": Screen(120, {"TERM": "xterm-256color"}),
    "dumb": Screen(80, {"TERM": "dumb", "NO_COLOR": "1"}),
    "pipe": Screen(0, {}),
}
COMMANDS = {
    "status": ("status", "-n", NAMESPACE),
    "status-reviews": ("status", "reviews", "-n", NAMESPACE),
    "status-checkout": ("status", "checkout", "-n", NAMESPACE),
    "explain-reviews": ("explain", "reviews", "-n", NAMESPACE),
    "explain-checkout": ("explain", "checkout", "-n", NAMESPACE),
    "explain-payments": ("explain", "payments", "-n", NAMESPACE),
    "history-reviews": ("history", "reviews", "-n", NAMESPACE),
    "preflight-reviews": ("preflight", "reviews", "-n", NAMESPACE),
    "plan-canary": ("plan", str(EXAMPLES / "canary")),
    "plan-dark-brief": ("plan", "--brief", str(EXAMPLES / "dark-by-header")),
    "status-upgrade": ("status", "upgrade/screens"),
    "explain-upgrade": ("explain", "upgrade/screens"),
    "history-upgrade": ("history", "upgrade/screens"),
    "status-switchover": ("status", "switchover/edge", "-n", NAMESPACE),
    "explain-switchover": ("explain", "switchover/edge", "-n", NAMESPACE),
    "history-switchover": ("history", "switchover/edge", "-n", NAMESPACE),
}


class Written(io.StringIO):
    """What a command prints, and whether it thinks that it is a terminal."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def plain(self) -> str:
        """Without colours and weights; blanks at the ends of lines are no part of a screen."""
        lines = STYLE.sub("", self.getvalue()).splitlines()
        return "".join(f"{line.rstrip()}\n" for line in lines)


@pytest.fixture(scope="module")
def store(api: str) -> Iterator[str]:
    """The API server's URL, with every object of these screens."""
    asyncio.run(_put(api))
    yield api
    asyncio.run(_take(api))


async def _put(url: str) -> None:
    kube = Kube(url)
    await kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for obj in objects():
        kind, meta = KINDS[obj["kind"]], obj["metadata"]
        await kube.create(kind, {key: value for key, value in obj.items() if key != "status"})
        status = {"status": obj["status"]}
        await kube.patch(kind, meta.get("namespace", ""), meta["name"], status, "status")
    await kube.close()


async def _take(url: str) -> None:
    kube = Kube(url)
    for obj in objects():
        meta = obj["metadata"]
        await kube.delete(KINDS[obj["kind"]], meta.get("namespace", ""), meta["name"])
    await kube.close()


@pytest.fixture(params=SCREENS)
def screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a screen that commands write to from now on; the time stands still."""
    name = str(request.param)
    for variable in ("NO_COLOR", "TERM", "COLUMNS", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in SCREENS[name].variables.items():
        monkeypatch.setenv(variable, value)
    if SCREENS[name].columns:
        monkeypatch.setenv("COLUMNS", str(SCREENS[name].columns))
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return name


@contextmanager
def written(screen: str) -> Iterator[Written]:
    """What is printed meanwhile, to either stream, on that screen."""
    paper = Written(terminal=SCREENS[screen].columns > 0)
    with redirect_stdout(paper), redirect_stderr(paper):
        yield paper


def compare(name: str, text: str, *, renew: bool) -> None:
    """``text`` is the golden screen ``name``; or it becomes that."""
    path = GOLDEN / f"{name}.txt"
    if renew:
        path.write_text(text)
    assert text == path.read_text(), f"{path.name}; --renew writes it anew"


def typed(screen: str, *words: str) -> str:
    """The screen after this command, as ``main`` runs it."""
    with written(screen) as paper:
        try:
            main.app(list(words), standalone_mode=False)
        except RolloutError as error:
            output.say(f"{error} (exit code {exits.of(error).value})")
    return paper.plain


def on_paper(screen: str, picture: object) -> Written:
    """The screen with this picture on it."""
    with written(screen) as paper:
        drawn.console().print(picture)
    return paper


@pytest.mark.parametrize("name", COMMANDS)
def test_a_screen_is_as_it_was(
    name: str, screen: str, store: str, tmp_path: Path, renew: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(kubeconfig(store))
    if "switchover" in name:
        monkeypatch.setattr(clock, "now", lambda: SWITCHED)
    text = typed(screen, "--kubeconfig", str(config), *COMMANDS[name])
    compare(f"{name}.{screen}", text, renew=renew)
    width = SCREENS[screen].columns
    assert not width or max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("screen", ["dumb", "pipe"], indirect=True)
def test_watch_writes_a_line_a_change_where_nothing_can_be_drawn_anew(
    screen: str, store: str, tmp_path: Path, renew: bool
) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(kubeconfig(store))
    words = ("watch", "checkout", "-n", NAMESPACE, "--until-rest")
    text = typed(screen, "--kubeconfig", str(config), *words)
    compare(f"watch-checkout.{screen}", text, renew=renew)


@pytest.mark.parametrize("screen", ["80", "120"], indirect=True)
def test_what_watch_draws_is_as_it_was(
    screen: str, store: str, renew: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {obj["metadata"]["name"]: obj for obj in objects()}
    wrong = ManifestError("rollout store/reviews", 0, "steps[2].weight is 150", "at most 100")
    shown = {
        "watch-unread": pictures.rollout(UnreadRollout(seen["reviews"], wrong)),
        "watch-reviews": pictures.rollout(cluster.seen(seen["reviews"])),
        "watch-payments": pictures.rollout(cluster.seen(seen["payments"])),
        "watch-upgrade": pictures.upgrade(mesh.read(seen["screens"])),
    }
    monkeypatch.setattr(clock, "now", lambda: SWITCHED)
    shown["watch-switchover"] = pictures.switchover(seen["edge"])
    for name, picture in shown.items():
        text = on_paper(screen, picture).plain
        compare(f"{name}.{screen}", text, renew=renew)
        assert max(map(len, text.splitlines())) <= SCREENS[screen].columns


@pytest.mark.parametrize("name", COMMANDS)
def test_a_narrow_screen_says_every_word_of_a_wide_one(name: str) -> None:
    pipe = set((GOLDEN / f"{name}.pipe.txt").read_text().split())
    for screen in ("80", "120", "dumb"):
        narrow = set((GOLDEN / f"{name}.{screen}.txt").read_text().split())
        assert pipe - narrow == set()


def test_every_golden_screen_is_compared() -> None:
    pictures = ("reviews", "payments", "unread", "upgrade", "switchover")
    wanted = {f"{name}.{screen}.txt" for name in COMMANDS for screen in SCREENS}
    wanted |= {f"watch-{name}.{screen}.txt" for name in pictures for screen in ("80", "120")}
    wanted |= {f"watch-checkout.{screen}.txt" for screen in ("dumb", "pipe")}
    assert {path.name for path in GOLDEN.iterdir()} == wanted


@pytest.mark.parametrize("screen", ["120"], indirect=True)
def test_a_hash_that_nobody_reads_stands_last_and_grey(screen: str, store: str) -> None:
    (checkout,) = (obj for obj in objects() if obj["metadata"]["name"] == "payments")
    paper = on_paper(screen, pictures.rollout(cluster.seen(checkout)))
    head = paper.getvalue().splitlines()[0]
    assert head.endswith("\x1b[2m  commit 0b9d8c7e6f  6s929z52vt\x1b[0m")


@pytest.mark.parametrize("columns", ["0", "1", "10", "40"])
def test_no_screen_is_too_narrow_to_be_written_to(
    columns: str, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 is what a terminal says that does not know, as under a CI; then it is a usual one."""
    config = tmp_path / "kubeconfig"
    config.write_text(kubeconfig(store))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    for words in COMMANDS.values():
        text = typed("80", "--kubeconfig", str(config), *words)
        assert text.strip(), words
        assert columns in ("1", "10") or max(map(len, text.splitlines())) <= (int(columns) or 80)
