"""Istio's webhook configurations to nouns, and the ones that an installation is going to bring.

Sources: istio/istio, ``manifests/charts/istio-control/istio-discovery/templates``:
``mutatingwebhook.yaml``, ``revision-tags-mwc.yaml``, ``validatingwebhookconfiguration.yaml``;
``manifests/charts/base/templates/defaultrevision-validatingwebhookconfiguration.yaml``;
``istioctl/pkg/tag/generate.go``.
"""

from collections.abc import Mapping
from typing import Any

from rollout import labels as selecting
from rollout import lenient
from rollout.istio import owner
from rollout.labels import Operator, Requirement, Selector
from rollout.model.mesh import (
    DEFAULT,
    INJECT,
    INJECTION,
    REV,
    TAG,
    Callee,
    Hook,
    Injector,
    Validator,
)

Obj = Mapping[str, Any]

INJECTS = "sidecar-injector.istio.io"
"""How the name of every injection webhook of Istio ends."""
VALIDATES = "validation.istio.io"
"""How the name of every validation webhook of Istio ends."""
CANONICAL = "istio-sidecar-injector"
DEFAULT_VALIDATOR = "istiod-default-validator"
RELEASE = "meta.helm.sh/release-name"


def injector(obj: Obj) -> Injector | None:
    """A MutatingWebhookConfiguration of Istio's; None: somebody else's."""
    name, labels = lenient.name(obj), lenient.labels(obj)
    hooks = [h for h in lenient.mappings(obj.get("webhooks")) if _named(h).endswith(INJECTS)]
    if not hooks:
        return None
    return Injector(
        name,
        labels.get(REV) or DEFAULT,
        labels.get(TAG, ""),
        tuple(_hook(name, each) for each in hooks if _for_pods(each)),
        labels,
        owner.owner(obj),
        owner.is_put_back(obj),
    )


def validator(obj: Obj) -> Validator | None:
    """A ValidatingWebhookConfiguration of Istio's; None: somebody else's."""
    name, labels = lenient.name(obj), lenient.labels(obj)
    hooks = [h for h in lenient.mappings(obj.get("webhooks")) if _named(h).endswith(VALIDATES)]
    if not hooks:
        return None
    chief = hooks[0]
    objects = selecting.selector(chief.get("objectSelector"))
    return Validator(
        name,
        labels.get(REV) or DEFAULT,
        objects.matches({}),
        labels.get(TAG, ""),
        callee(chief),
        lenient.text(lenient.under(chief, "clientConfig", "caBundle")),
        objects,
        _fails_closed(chief),
        labels,
        lenient.annotations(obj).get(RELEASE, ""),
        owner.owner(obj),
        owner.is_put_back(obj),
    )


def callee(hook: Obj) -> Callee:
    """Whom one webhook calls. Source: Kubernetes API, ``WebhookClientConfig``."""
    config = lenient.mapping(hook.get("clientConfig"))
    service = lenient.mapping(config.get("service"))
    return Callee(
        lenient.text(service.get("namespace")),
        lenient.text(service.get("name")),
        lenient.text(service.get("path")),
        lenient.number(service.get("port"), 443),
        lenient.text(config.get("url")),
    )


def _hook(configuration: str, hook: Obj) -> Hook:
    return Hook(
        configuration,
        _named(hook),
        callee(hook),
        lenient.text(lenient.under(hook, "clientConfig", "caBundle")),
        selecting.selector(hook.get("namespaceSelector")),
        selecting.selector(hook.get("objectSelector")),
        _fails_closed(hook),
    )


def _named(hook: Obj) -> str:
    return lenient.text(hook.get("name"))


def _fails_closed(hook: Obj) -> bool:
    """Source: Kubernetes API, ``failurePolicy``: the default is Fail."""
    return lenient.text(hook.get("failurePolicy")) != "Ignore"


def _for_pods(hook: Obj) -> bool:
    """Whether it is called for new pods; without any rules it is read as if it were."""
    rules = list(lenient.mappings(hook.get("rules")))
    return not rules or any(map(_covers_pods, rules))


def _covers_pods(rule: Obj) -> bool:
    created = {"CREATE", "*"} & _words(rule, "operations")
    return bool(created and {"pods", "*", "*/*"} & _words(rule, "resources"))


def _words(rule: Obj, key: str) -> set[str]:
    return {word for word in lenient.items(rule.get(key)) if isinstance(word, str)}


def planned(name: str, revision: str, calls: Callee, *, tag: str = "") -> Injector:
    """The webhooks that revision ``revision``, or its tag ``tag``, is going to have."""
    answers = tag or revision
    pairs: list[tuple[str, tuple[Requirement, ...], tuple[Requirement, ...]]] = [
        ("rev.namespace.", (_is(REV, answers), _no(INJECTION)), (_not(INJECT, "false"),)),
        ("rev.object.", (_no(REV), _no(INJECTION)), (_not(INJECT, "false"), _is(REV, answers))),
    ]
    if answers == DEFAULT:
        pairs += [
            ("namespace.", (_is(INJECTION, "enabled"),), (_not(INJECT, "false"),)),
            ("object.", (_no(INJECTION), _no(REV)), (_is(INJECT, "true"), _no(REV))),
        ]
    hooks = tuple(
        Hook(name, f"{kind}{INJECTS}", calls, "", Selector(spaces), Selector(objects))
        for kind, spaces, objects in pairs
    )
    return Injector(name, revision, tag, hooks, {REV: revision, **({TAG: tag} if tag else {})})


def _is(key: str, value: str) -> Requirement:
    return Requirement(key, Operator.IN, (value,))


def _not(key: str, value: str) -> Requirement:
    return Requirement(key, Operator.NOT_IN, (value,))


def _no(key: str) -> Requirement:
    return Requirement(key, Operator.ABSENT)


def suffixed(stem: str, revision: str) -> str:
    """How an object of a revision is called: the installation without one has no suffix."""
    return stem if revision == DEFAULT else f"{stem}-{revision}"


def canonical(revision: str, namespace: str = "istio-system") -> str:
    """The name of a revision's own webhook configuration."""
    name = suffixed(CANONICAL, revision)
    return name if namespace == "istio-system" else f"{name}-{namespace}"
