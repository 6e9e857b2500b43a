from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rollout.controller.sources.applying import Applier
from rollout.controller.sources.look import FOLLOWING, KubeSecrets, Policy, Sources, Verify
from rollout.errors import OutsideError, RefusedError
from tests.fakes import FakeKube
from tests.fakes_repo import FakeRepo, NoObjects
from tests.ports.test_repo import SHOP

KEY = "market/git"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NONE = timedelta(0)


class Play:
    """One source, its repository and its cluster; ``look`` happens as the loop would have it."""

    def __init__(self, policy: Policy | None = None, **spec: object) -> None:
        self.kube, self.repo, self.passed, self.skew = FakeKube(), FakeRepo(), NONE, NONE
        self.put({"url": "https://git.invalid/shop", **spec})
        self.sources = Sources(
            self.kube,
            self.repo,
            KubeSecrets(self.kube),
            Applier(self.kube, NoObjects()),
            lambda: self.now,
            policy or Policy(),
            phase=lambda _: timedelta(0),
            steady=self.steady,
        )

    def put(self, spec: Mapping[str, object], **annotations: str) -> None:
        old = self.kube.get("RolloutSource", "market", "git") or {}
        metadata = {"name": "git", "namespace": "market", "annotations": annotations}
        obj = {**old, "kind": "RolloutSource", "metadata": metadata, "spec": spec}
        self.kube.put(obj)

    async def look(self) -> timedelta | None:
        """The repository is read once more; the writes so far are forgotten."""
        self.kube.writes.clear()
        self.passed += 2 * MINUTE
        return await self.sources.look(KEY)

    def steady(self) -> float:
        """What a clock says that nobody sets."""
        return self.passed.total_seconds()

    @property
    def now(self) -> datetime:
        """What the wall clock says."""
        return NOW + self.passed + self.skew

    @property
    def status(self) -> Mapping[str, Any]:
        obj = self.kube.get("RolloutSource", "market", "git")
        assert obj is not None
        status: Mapping[str, Any] = obj.get("status") or {}
        return status

    @property
    def ready(self) -> tuple[str, str]:
        [ready] = [one for one in self.status["conditions"] if one["type"] == "Ready"]
        return ready["status"], ready["reason"]

    @property
    def uid(self) -> str:
        obj = self.kube.get("RolloutSource", "market", "git")
        assert obj is not None
        return str(obj["metadata"]["uid"])[:8]

    def revision(self, name: str = "shop") -> str | None:
        obj = self.kube.get("Rollout", "market", name)
        return str(obj["spec"]["revision"]) if obj else None

    def note(self) -> str:
        """What the last Event says."""
        events = self.kube.list("Event")
        return str(max(events, key=lambda e: int(e["metadata"]["resourceVersion"]))["message"])


async def test_a_wall_clock_that_was_ahead_and_is_put_right_keeps_no_push_waiting() -> None:
    play = Play()
    play.repo.push({"shop.yaml": SHOP % "v1"})
    play.skew = 60 * MINUTE
    await play.look()
    play.skew = NONE
    play.repo.push({"shop.yaml": SHOP % "v2"})
    assert (await play.look(), play.revision()) == (MINUTE, "v2")


async def test_a_push_is_in_force_after_one_look_and_is_told() -> None:
    play = Play()
    commit = play.repo.push({"shop.yaml": SHOP % "v1"})
    assert await play.look() == MINUTE
    assert play.kube.writes == [
        "create Rollout shop",
        "patch RolloutSource git status",
        f"create Event git.{play.uid}.{commit[:10]}.applied",
    ]
    assert play.revision() == "v1"
    assert play.ready == ("True", "Applied")
    assert play.status["commit"] == commit
    assert play.status["because"] == f"1 manifest of {commit[:10]} is in force"
    assert play.status["applied"] == [
        {"kind": "Rollout", "name": "shop", "file": "shop.yaml", "commit": commit}
    ]


async def test_applying_the_same_commit_twice_writes_nothing() -> None:
    play = Play()
    play.repo.push({"shop.yaml": SHOP % "v1"})
    await play.look()
    await play.look()
    assert play.kube.writes == []


async def test_a_look_that_our_own_write_caused_does_not_read_again() -> None:
    play = Play()
    play.repo.push({"shop.yaml": SHOP % "v1"})
    await play.look()
    play.passed += timedelta(seconds=20)
    assert await play.sources.look(KEY) == timedelta(seconds=40)
    assert len(play.repo.asked) == 1
    play.sources.nudge(KEY)
    await play.sources.look(KEY)
    assert len(play.repo.asked) == 2


async def test_an_invalid_file_is_refused_and_the_others_go_on() -> None:
    """P-GIT-08."""
    play = Play()
    play.repo.push({"shop.yaml": SHOP % "v1", "cart.yaml": SHOP.replace("shop", "cart") % "v1"})
    await play.look()
    bad = (SHOP % "v2").replace("service:", "servise:")
    commit = play.repo.push({"shop.yaml": bad, "cart.yaml": SHOP.replace("shop", "cart") % "v2"})
    await play.look()
    assert (play.revision("shop"), play.revision("cart")) == ("v1", "v2")
    assert play.ready == ("False", "Rejected")
    assert play.status["commit"] == commit
    assert play.status["rejected"] == [
        {
            "file": "shop.yaml",
            "line": 4,
            "message": "shop.yaml:4: service is missing; it is required",
        },
        {
            "file": "shop.yaml",
            "line": 5,
            "message": "shop.yaml:5: servise is unknown; did you mean service?",
        },
    ]
    assert play.status["because"] == "refused and 1 more: shop.yaml:4: service is missing"
    assert play.note() == (
        "refused: shop.yaml:4: service is missing; it is required"
        "; shop.yaml:5: servise is unknown; did you mean service?"
    )


async def test_a_long_mistake_is_cut_in_the_sentence_and_whole_in_the_event() -> None:
    play = Play()
    play.repo.push({"a/long/path/to/a/file.yaml": SHOP.replace("service:", "x" * 60 + ":") % "v1"})
    await play.look()
    assert len(play.status["because"]) < 80
    assert play.status["because"].startswith("refused and 1 more: a/long/path/to/a/file.yaml:4: ")
    assert "x" * 60 in play.note()


async def test_a_manifest_that_the_api_server_refuses_is_recorded_and_others_go_on() -> None:
    play = Play()
    play.repo.push({"cart.yaml": SHOP.replace("shop", "cart") % "v1", "shop.yaml": SHOP % "v1"})
    play.kube.errors.append(RefusedError("rollout market/cart: admission says no"))
    await play.look()
    assert (play.revision("cart"), play.revision("shop")) == (None, "v1")
    assert [one["message"] for one in play.status["rejected"]] == [
        "cart.yaml:1: rollout market/cart: admission says no"
    ]
    assert [one["name"] for one in play.status["applied"]] == ["shop"]


async def test_an_api_server_that_is_down_leaves_the_commit_to_the_next_look() -> None:
    play = Play()
    play.repo.push({"shop.yaml": SHOP % "v1"})
    play.kube.errors.append(OutsideError("no answer"))
    with pytest.raises(OutsideError):
        await play.look()
    assert play.status == {}
    await play.sources.look(KEY)
    assert play.revision() == "v1"


async def test_a_remote_that_is_down_is_said_once_and_what_was_in_force_stays() -> None:
    play = Play()
    commit = play.repo.push({"shop.yaml": SHOP % "v1"})
    await play.look()
    play.repo.down = True
    await play.look()
    assert play.kube.writes[0] == "patch RolloutSource git status"
    assert play.ready == ("False", "Unread")
    assert (play.status["commit"], play.status["problem"]) == (
        commit,
        "git https://git.invalid/shop: no answer; wait",
    )
    assert play.status["because"] == "not read: no answer; wait"
    assert play.note() == f"not read: {play.status['problem']}"
    await play.look()
    assert play.kube.writes == []
    play.repo.down = False
    await play.look()
    assert play.ready == ("True", "Applied")


async def test_taking_back_a_push_that_was_refused_is_no_rewind() -> None:
    play = Play()
    first = play.repo.push({"shop.yaml": SHOP % "v1"})
    await play.look()
    play.repo.push({"shop.yaml": SHOP.replace("service:", "sevrice:") % "v2"})
    await play.look()
    assert play.ready == ("False", "Rejected")
    play.repo.reset(first)
    await play.look()
    assert (play.status["commit"], play.status.get("held")) == (first, None)
    assert play.ready == ("True", "Applied")


async def test_a_rewind_is_held_and_obeyed_once_a_person_accepts_it() -> None:
    """P-GIT-01, SEC-27."""
    play = Play()
    first = play.repo.push({"shop.yaml": SHOP % "v1"})
    second = play.repo.push({"shop.yaml": SHOP % "v2"})
    await play.look()
    play.repo.reset(first)
    await play.look()
    assert play.revision() == "v2"
    assert (play.status["commit"], play.status["held"]) == (second, first)
    assert (
        play.status["because"]
        == f"commit {first[:10]} is behind the one in force (non-fast-forward)"
    )
    assert play.ready == ("False", "Held")
    assert play.note().endswith(
        "; obey it with: `rollout accept git -n market`, or annotate it with"
        f" rollout.dev/accept={first}"
    )
    play.put({"url": "https://git.invalid/shop"}, **{"rollout.dev/accept": first})
    await play.look()
    assert play.revision() == "v1"
    assert (play.status["commit"], play.status.get("held")) == (first, None)


async def test_that_every_manifest_vanishes_is_held() -> None:
    play = Play(prune=True)
    play.repo.push({"shop.yaml": SHOP % "v1"})
    await play.look()
    play.repo.push({"README": "gone"})
    await play.look()
    assert play.revision() == "v1"
    assert play.ready == ("False", "Held")
    assert len(play.status["because"]) < 80


async def test_a_vanished_manifest_is_pruned() -> None:
    play = Play(prune=True)
    cart = SHOP.replace("shop", "cart") % "v1"
    play.repo.push({"shop.yaml": SHOP % "v1", "cart.yaml": cart})
    await play.look()
    play.repo.push({"cart.yaml": cart})
    await play.look()
    assert (play.revision("shop"), play.revision("cart")) == (None, "v1")


async def test_a_secret_is_read_for_the_repository_and_its_absence_is_said() -> None:
    play = Play(secretRef={"name": "token"})
    play.repo.push({"shop.yaml": SHOP % "v1"})
    await play.look()
    assert play.status["problem"] == "secret market/token: is missing; secretRef names it"
    metadata = {"name": "token", "namespace": "market"}
    play.kube.put({"kind": "Secret", "metadata": metadata, "data": {"token": "czNjcmV0"}})
    await play.look()
    assert play.repo.asked[-1].secret == {"token": "s3cret"}
    assert "s3cret" not in repr(play.kube.objects) + repr(play.repo.asked)


async def test_signers_come_from_the_controllers_configuration() -> None:
    """SEC-10."""
    play = Play(Policy(signers={"platform": "ann ssh-ed25519 AAAA"}), verify=["platform"])
    play.repo.push({"shop.yaml": SHOP % "v1"})
    await play.look()
    assert play.repo.asked[-1].signers == ("ann ssh-ed25519 AAAA",)
    play.put({"url": "https://git.invalid/shop", "verify": ["nobody"]})
    await play.look()
    assert play.status["problem"] == (
        "rolloutsource market/git: verify names 'nobody'; "
        "a name of the controller's allowed signers is wanted"
    )


ANN, BOB = "ann ssh-ed25519 AAAA", "bob ssh-ed25519 BBBB"
OPERATOR = Policy(
    signers={"releases": ANN, "leads": BOB},
    verify={"*": Verify(("releases", "leads")), "market/other": Verify(("leads",), every=True)},
)


@pytest.mark.parametrize(
    ("policy", "spec", "signers", "every"),
    [
        (OPERATOR, {}, (ANN, BOB), False),
        (OPERATOR, {"verifyMode": "every"}, (ANN, BOB), True),
        (OPERATOR, {"verify": ["leads"]}, (BOB,), False),
        (
            replace(OPERATOR, verify={"market/git": Verify(("leads",), every=True)}),
            {},
            (BOB,),
            True,
        ),
        (replace(OPERATOR, verify={"market/other": Verify(("leads",))}), {}, (), False),
    ],
)
async def test_what_the_operator_wants_signed_no_source_can_do_without(
    policy: Policy, spec: dict[str, Any], signers: tuple[str, ...], every: bool
) -> None:
    """SEC-10."""
    play = Play(policy, **spec)
    play.repo.push({"shop.yaml": SHOP % "v1"})
    await play.look()
    asked = play.repo.asked[-1]
    assert (asked.signers, asked.every) == (signers, every)


async def test_a_source_names_no_signers_besides_those_that_the_operator_wants() -> None:
    """SEC-10."""
    policy = replace(OPERATOR, verify={"*": Verify(("releases",))})
    play = Play(policy, verify=["releases", "leads"])
    play.repo.push({"shop.yaml": SHOP % "v1"})
    await play.look()
    assert play.status["problem"] == (
        "rolloutsource market/git: verify names 'leads'; "
        "the controller's policy wants releases here"
    )
    assert play.repo.asked == []


async def test_a_source_that_cannot_be_read_says_so_and_waits_for_another() -> None:
    play = Play(intervall="1m")
    assert await play.look() is None
    assert play.status["problem"] == (
        "rolloutsource market/git: intervall is unknown; did you mean interval?"
    )
    await play.look()
    assert play.kube.writes == []


async def test_a_source_that_is_gone_is_not_looked_at_again() -> None:
    play = Play()
    await play.kube.delete("RolloutSource", "market", "git")
    assert await play.look() is None


async def test_a_replica_that_does_not_lead_does_nothing_until_it_does() -> None:
    play = Play()
    play.repo.push({"shop.yaml": SHOP % "v1"})
    play.sources.leads = lambda _: False
    assert await play.look() == FOLLOWING
    assert (play.kube.writes, play.repo.asked) == ([], [])
    play.sources.leads = lambda _: True
    await play.look()
    assert "create Rollout shop" in play.kube.writes


async def test_what_is_passed_over_is_kept_in_the_status_and_told() -> None:
    play = Play()
    argo = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec: {}\n"
    commit = play.repo.push({"shop.yaml": SHOP % "v1", "web.yaml": argo})
    await play.look()
    note = "web.yaml:1: is Argo's Rollout and not ours, which is of rollout.dev/v1alpha1; ignored"
    assert play.status["notes"] == [note]
    because = f"1 manifest of {commit[:10]} is in force; passed over: web.yaml:1"
    assert play.status["because"] == because
    assert play.note().endswith(note)
