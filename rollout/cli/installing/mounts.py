"""Secrets of the controller's namespace, as volumes of its container alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

FOLDER = "/var/run/secrets/rollout.dev"
SLACK_SECRET = "rollout-slack"


@dataclass(frozen=True, slots=True)
class SecretEntry:
    """One entry of a Secret; without a ``secret``: none."""

    secret: str
    key: str

    @classmethod
    def read(cls, text: str, key: str) -> "SecretEntry":
        """``text``: ``NAME`` or ``NAME/ENTRY``; ``key``: the entry where it names none."""
        secret, _, given = text.partition("/")
        return cls(secret, given or key)


TOKEN, CA = SecretEntry("", "token"), SecretEntry("", "ca.crt")
"""How the entries are called where nobody says it."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Names of Secrets; empty: it is not mounted.

    ``slack``, ``push``, ``oidc``: the policy names their files; Slack's may be missing.
    ``prometheus_token``, ``prometheus_ca``: what a setting of the controller names.
    """

    slack: str = SLACK_SECRET
    push: str = ""
    oidc: str = ""
    prometheus_token: SecretEntry = TOKEN
    prometheus_ca: SecretEntry = CA

    def volumes(self) -> list[Json]:
        """Of the pod; in the order of the mounts."""
        optional = {"slack": {"optional": True}}
        return [
            {"name": name, "secret": {"secretName": secret, **optional.get(name, {})}}
            for name, secret in self._named()
        ]

    def mounts(self) -> list[Json]:
        """Of the controller's container."""
        return [
            {"name": name, "mountPath": folder(name), "readOnly": True} for name, _ in self._named()
        ]

    def files(self) -> dict[str, str]:
        """The settings of the controller that name a file of one, by environment variable."""
        entries = (
            ("ROLLOUT_PROMETHEUS_TOKEN", "prometheus-token", self.prometheus_token),
            ("ROLLOUT_PROMETHEUS_CA", "prometheus-ca", self.prometheus_ca),
        )
        return {
            variable: f"{folder(name)}/{entry.key}"
            for variable, name, entry in entries
            if entry.secret
        }

    def _named(self) -> Iterator[tuple[str, str]]:
        named = (
            ("slack", self.slack),
            ("oidc", self.oidc),
            ("push", self.push),
            ("prometheus-token", self.prometheus_token.secret),
            ("prometheus-ca", self.prometheus_ca.secret),
        )
        return ((name, secret) for name, secret in named if secret)


SLACK_ALONE = Secrets()


def folder(name: str) -> str:
    """Where the files of ``slack``, ``push``, ``oidc`` … are in the container."""
    return f"{FOLDER}/{name}"
