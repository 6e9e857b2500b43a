"""The one door to the ``kubernetes`` package: its asyncio client and its kubeconfig, alone.

``import kubernetes.aio.client`` first runs ``kubernetes/__init__.py``, which imports the blocking
client with websockets and OAuth, and ``kubernetes/aio/__init__.py``, which imports the dynamic
client, streams and leader election: hundreds of modules that nothing here calls, and most of what
a command took to start.  So both packages are registered without their ``__init__`` being run;
their submodules are imported as usual, by whoever names them.
"""

import logging
import sys
from importlib.util import find_spec, module_from_spec

PACKAGES = ("kubernetes", "kubernetes.aio")


def _register(name: str) -> None:
    """The package ``name`` is there, empty; one that was imported before stays as it is."""
    if name in sys.modules:
        return
    spec = find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    sys.modules[name] = module_from_spec(spec)
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, sys.modules[name])


for _name in PACKAGES:
    _register(_name)

from kubernetes.aio import client, config  # noqa: E402 - only now without what comes along
from kubernetes.aio.client.rest import RESTResponse  # noqa: E402
from kubernetes.aio.config import kube_config  # noqa: E402
from kubernetes.aio.config.dateutil import parse_rfc3339  # noqa: E402
from kubernetes.aio.config.exec_provider import ExecProvider  # noqa: E402

logging.getLogger("kubernetes").setLevel(logging.ERROR)  # what it warns of, we say

__all__ = ["ExecProvider", "RESTResponse", "client", "config", "kube_config", "parse_rfc3339"]
