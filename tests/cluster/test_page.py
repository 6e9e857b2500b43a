"""Logging in at the page, on a real kube-apiserver: its RBAC decides, and it says who it was."""

from pathlib import Path

import pytest

from rollout.cli.manifests import rbac
from rollout.cli.pages import UNNAMED, ByToken
from rollout.controller.app import Controller, Outside, Settings
from rollout.controller.seeing import concerns
from rollout.edges import kube
from rollout.edges.kube import Kube
from rollout.errors import RefusedError
from rollout.lab.kube.client import Object
from rollout.manifest import objects
from rollout.model.reasons import Verb
from rollout.web.page.reader import Place
from tests.cluster.conftest import Control
from tests.fakes import FakeMetrics
from tests.ports.conftest import listed
from tests.ports.test_kube import a_rollout

pytestmark = [pytest.mark.envtest, pytest.mark.timeout(900)]

SPACE = "page-login"
GROUP = "rbac.authorization.k8s.io"


def account(name: str, *verbs: str) -> list[Object]:
    """A ServiceAccount that may do ``verbs`` to Rollouts, everywhere."""
    meta = {"name": f"page-{name}"}
    rule = {"apiGroups": ["rollout.dev"], "resources": ["rollouts"], "verbs": list(verbs)}
    who = {"kind": "ServiceAccount", "name": name, "namespace": rbac.OWN}
    role = {"apiGroup": GROUP, "kind": "ClusterRole", **meta}
    own = {"name": name, "namespace": rbac.OWN}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": own},
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": "ClusterRole",
            "metadata": dict(meta),
            "rules": [rule],
        },
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": dict(meta),
            "roleRef": role,
            "subjects": [who],
        },
    ]


async def test_a_token_of_the_cluster_asks_what_rbac_lets_its_owner(
    control: Control, tmp_path: Path
) -> None:
    await control.granted(*account("ann", "list", "patch"), *account("eve", "list"))
    await control.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    await control.apply(dict(a_rollout(SPACE)))
    file = control.kubeconfig(tmp_path / "kubeconfig", control.real.token)
    api = await kube.connect(str(file))
    async with Kube(api, concerns.of) as cluster:
        await listed(cluster, "Rollout")
        door = ByToken(api, "", Controller(Outside(cluster, FakeMetrics()), Settings()))
        place = Place("rollout", SPACE, "shop")
        eve = await door.prove(await control.token("eve"))
        with pytest.raises(RefusedError, match="may not patch rollout page-login/shop"):
            await eve.ask(place, Verb.ABORT)
        ann = await door.prove(await control.token("ann"))
        await ann.ask(place, Verb.ABORT)
        with pytest.raises(RefusedError, match="does not take this token"):
            await door.prove("eyJhbGciOiJub25lIn0.e30.nobody")
        await eve.close()
        await ann.close()
        tells = tuple(map(int, (await cluster.version()).split("."))) >= (1, 28)
    stored = await control.read("Rollout", SPACE, "shop")
    text = stored["metadata"]["annotations"][objects.REQUEST]
    name = f"system:serviceaccount:{rbac.OWN}:ann"
    assert (ann.name, text.partition("@")[0]) == (name if tells else UNNAMED, "abort")
    vouched = {"text": text, "who": f"kubernetes:{name}"} if tells else None
    assert (stored.get("status") or {}).get("vouched") == vouched
    asked = [(one["verb"], one["objectRef"]["resource"]) for one in control.audited("ann")]
    assert ("patch", "rollouts") in asked
