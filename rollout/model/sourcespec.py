"""What git asks for of a source of manifests: which repository, and what its forge is told."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from rollout.model.forge import ForgeKind, OnRejected
from rollout.model.spec import MINUTE, SecretRef
from rollout.model.units import CONFIG, Lasting


@dataclass(frozen=True, slots=True)
class PushWebhook:
    """A push webhook of the source's own: at ``/push/NAMESPACE/NAME``, besides the operator's."""

    __pydantic_config__ = CONFIG

    secret_ref: Annotated[
        SecretRef, Field(description="its entry key proves each push; see docs/push-webhooks.md")
    ]


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """What the forge is told of each commit, and which of them are proposed to be taken back."""

    __pydantic_config__ = CONFIG

    forge: Annotated[ForgeKind, Field(description="whose API it is")]
    secret_ref: Annotated[
        SecretRef | None,
        Field(description="its entries are token, or appId and privateKey; default: the source's"),
    ] = None
    api: Annotated[
        str,
        Field(
            pattern=r"^(https?://[A-Za-z0-9.:\[\]_-]+(/[!-~]*)?)?$",
            max_length=500,
            description="the REST API's address; default: the one of the source's host",
        ),
    ] = ""
    repository: Annotated[
        str,
        Field(
            pattern=r"^([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+)?$",
            max_length=300,
            description="owner/name; default: the path of the source's url",
        ),
    ] = ""
    target_url: Annotated[
        str,
        Field(
            pattern=r"^(https?://[!-~]+)?$",
            max_length=1000,
            description="the link; {namespace}, {name} and {commit} are filled in",
        ),
    ] = ""
    deployments: Annotated[
        bool, Field(description="GitHub shows each journey as a deployment, too")
    ] = False
    environment: Annotated[
        str,
        Field(max_length=200, description="of deployments; {namespace} and {name} are filled in"),
    ] = "{namespace}/{name}"
    on_rejected: Annotated[
        OnRejected, Field(description="propose to take a rejected commit's change back, or nothing")
    ] = OnRejected.NOTHING

    def __post_init__(self) -> None:
        if self.deployments and self.forge is not ForgeKind.GITHUB:
            raise ValueError("has deployments, which only GitHub has; leave it out")


@dataclass(frozen=True, slots=True)
class RolloutSourceSpec:
    """A git repository, a ref and a folder whose manifests are kept in force."""

    __pydantic_config__ = CONFIG

    url: Annotated[str, Field(description="https, ssh or, if the controller allows, a local path")]
    ref: Annotated[
        str, Field(description="a branch name, or a tag as refs/tags/…; no commit's id, no pattern")
    ] = "main"
    path: Annotated[str, Field(description="the folder of manifests; default: the root")] = ""
    interval: Annotated[Lasting, Field(description="how often to poll")] = MINUTE
    secret_ref: Annotated[
        SecretRef | None, Field(description="its entries are token, or ssh-privatekey")
    ] = None
    verify: Annotated[
        tuple[str, ...], Field(description="names of allowed signers in the controller's config")
    ] = ()
    verify_mode: Annotated[
        Literal["tip", "every"],
        Field(description="tip: the last commit; every: all since the one in force"),
    ] = "tip"
    prune: Annotated[bool, Field(description="delete what git no longer has")] = False
    manifests: Annotated[
        bool, Field(description="apply the team's own objects from the same folder, too")
    ] = False
    webhook: Annotated[
        PushWebhook | None, Field(description="read at once when the forge tells of a push")
    ] = None
    commit_status: Annotated[
        CommitStatus | None, Field(description="tell the forge how far each commit came")
    ] = None
