"""What no sequence of failures, deaths, aborts and foreign edits may bring about."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rollout.errors import ConflictError, OutsideError
from rollout.model.upgrading import State
from tests.upgrade.cluster import NEW, OLD, SYSTEM, Mesh, built, carriers
from tests.upgrade.play import Play


def _write_fails(play: Play) -> None:
    play.mesh.kube.errors.append(ConflictError("somebody wrote first"))


def _no_answer(play: Play) -> None:
    play.mesh.kube.errors.append(OutsideError("no answer"))


def _dies(play: Play) -> None:
    play.kill()


def _aborts(play: Play) -> None:
    play.ask("abort", f"a{play.now:%H%M%S}")


def _resumes(play: Play) -> None:
    play.ask("resume", f"r{play.now:%H%M%S}")


def _pauses(play: Play) -> None:
    play.ask("pause", f"p{play.now:%H%M%S}")


def _goes_deaf(play: Play) -> None:
    play.mesh.deaf ^= {NEW}


def _requests_fail(play: Play) -> None:
    play.mesh.broken.setdefault("shop1", play.now)


def _proxies_refuse(play: Play) -> None:
    play.mesh.refusing ^= {"shop1"}


def _no_way_to_istiod(play: Play) -> None:
    play.mesh.silent = not play.mesh.silent


FAULTS: list[Callable[[Play], None]] = [
    _write_fails, _no_answer, _dies, _aborts, _resumes, _pauses, _goes_deaf, _requests_fail,
    _proxies_refuse, _no_way_to_istiod,
]  # fmt: skip
EVENTS = st.lists(st.tuples(st.integers(0, 25), st.sampled_from(range(len(FAULTS)))), max_size=6)


def watched() -> Mesh:
    """A mesh in which every moment is looked at."""
    mesh = built(spaces=2, works=1)

    def check(mesh: Mesh) -> None:
        for pod, found in mesh.proxies().items():
            assert len(found) == 1, pod
            assert ("Deployment", SYSTEM, f"istiod-{found[0]}") in mesh.kube.objects, pod

    mesh.watch = check
    return mesh


def look(play: Play) -> None:
    try:
        play.look()
    except OutsideError:
        play.now += timedelta(seconds=2)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS)
@example([(15, 7), (5, 6), (13, 8), (0, 5), (5, 1), (9, 0)])  # paused while it comes back
def test_every_pod_has_its_one_proxy_and_its_istiod_and_back_is_back(
    events: list[tuple[int, int]],
) -> None:
    mesh = watched()
    before = carriers(mesh)
    play = Play(mesh).begin(gateways=[], bake="1m")
    look(play)
    for looks, fault in events:
        for _ in range(looks):
            look(play)
        FAULTS[fault](play)
    mesh.kube.errors.clear()
    mesh.deaf.clear()
    mesh.refusing.clear()
    mesh.broken.clear()
    mesh.silent = False
    removing = play.status.attempt.removing
    if play.status.state not in (State.DONE, State.RETURNED) and not removing:
        play.ask("abort", "last")
    play.until(lambda p: p.status.state in (State.DONE, State.RETURNED))
    used = {found[0] for found in mesh.proxies().values()}
    if play.status.state is State.RETURNED:
        assert used == {OLD}
        assert carriers(mesh) == before
    else:
        assert used == {NEW}
