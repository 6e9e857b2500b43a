"""One object of a cluster, by its name."""

from dataclasses import dataclass

from rollout.model.units import CONFIG

KINDS = ("Rollout", "ControlPlaneUpgrade", "ClusterSwitchover")
"""Every kind that we drive."""


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """One object; no namespace: it is one of the cluster's own."""

    __pydantic_config__ = CONFIG

    kind: str
    namespace: str = ""
    name: str = ""

    @property
    def where(self) -> str:
        """``namespace/name``, or the name alone of one of the cluster's own."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind.lower()} {self.where}"
