"""What a chart's user may set, as one JSON Schema with defaults and meanings."""

from typing import Any

from rollout.cli.forms import ADDRESS, KEY, LEVELS, NAME, URL, URLS
from rollout.cli.installing import mounts, needs, workload
from rollout.cli.policy import Policy
from rollout.controller.rights import MOST_SHARDS, OPT_IN
from rollout.manifest.schema import plain

Schema = dict[str, Any]

_HOST = r"^https?://([^/@?#*\s]+|\*|\*\.[^/@?#*\s]+)(:(\d+|\*))?$"
_KIND = r"^[A-Z][A-Za-z0-9]*(\.[a-z0-9][-a-z0-9.]*)?$"
_SIZE = r"^[1-9][0-9]*(Ki|Mi|Gi|Ti)$"


def values() -> Schema:
    """Every value; a key that is none of these is refused."""
    return _group(
        "",
        image=_image(),
        imagePullSecrets=_list("Secrets that may pull the image.", _named()),
        nameOverride=_text("Name of all that is made here; empty: the release's.", form=NAME),
        replicas=_number("One leads, the others wait for its Lease.", 2),
        settings=_settings(),
        policy=_policy(),
        slackSecret=_text(
            "Secret that the policy's `slack` finds its files in; it may be missing.",
            mounts.SLACK_SECRET,
            NAME,
        ),
        pushSecret=_text(
            "Secret with the entry `secret` of push webhooks; the policy's `push` names its file.",
            form=NAME,
        ),
        oidcSecret=_text(
            "Secret with `clientSecret` (and `ca.crt`) of the page's login at an issuer; the "
            "policy's `page.oidc` names its files.",
            form=NAME,
        ),
        rights=_rights(),
        serviceAccount=_group(
            "",
            create=_flag("Make the account.", default=True),
            name=_text("Its name; empty: that of all that is made here.", form=NAME),
            annotations=_texts("Annotations of the account."),
        ),
        crds=_group(
            "",
            install=_flag("Install and upgrade our CustomResourceDefinitions.", default=True),
            keep=_flag(
                "Leave them where the release is uninstalled: without them every Rollout is gone.",
                default=True,
            ),
        ),
        **_pods(),
        podDisruptionBudget=_group("", enabled=_flag("One pod at most is evicted.", default=True)),
        networkPolicy=_network(),
        monitoring=_monitoring(),
    )


def _image() -> Schema:
    repository = workload.IMAGE.rpartition(":")[0]
    return _group(
        "",
        repository=_text("Where the image is.", repository, r"^[^\s@]+$"),
        tag=_text("Its tag; empty: the chart's version.", form=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$|^$"),
        digest=_text("Its digest, which goes before a tag.", form=r"^(sha256:[0-9a-f]{64})?$"),
        pullPolicy=_choice("", "IfNotPresent", "IfNotPresent", "Always", "Never"),
    )


def _settings() -> Schema:
    """What ``rollout run`` is told; the folders and the port are the chart's own."""
    return _group(
        "Settings of `rollout run`.",
        namespace=_text("Act in this namespace only; empty: in all.", form=NAME),
        prometheus=_text("Prometheus' URL; without one no gate that measures opens.", form=URL),
        prometheusToken=_file("Its bearer token", mounts.TOKEN.key),
        prometheusCa=_file("Its CA", mounts.CA.key),
        tenant=_text("X-Scope-OrgID, for Mimir, Cortex and Loki."),
        istiod=_text("istiod's /debug/syncz URLs, with commas; {address}: each.", form=URLS),
        page=_text("host:port of the page, such as 0.0.0.0:8081; empty: none.", form=ADDRESS),
        audit=_text("PersistentVolumeClaim of the audit log; -: on stdout; empty: none."),
        shards=_number("Leases that share the namespaces among replicas.", 1, MOST_SHARDS),
        logLevel=_choice("", "info", *LEVELS),
    )


def _policy() -> Schema:
    """The operator's policy, as ``rollout run --policy`` reads it, with the forms it checks.

    What keys may be is checked by the chart's templates: Helm misnames the place of a wrong one.
    """
    made = plain(Policy)
    fields = made["properties"]
    for name in ("webhooks", "forges"):
        fields[name]["items"]["pattern"] = _HOST
    fields["manifests"]["additionalProperties"]["items"]["pattern"] = _KIND
    meaning = "What manifests may ask of the controller (docs/policy.md); empty: the safest."
    return {**made, "description": meaning, "default": {}}


def _rights() -> Schema:
    flags = {
        name: _flag(f"For {need}.", default=need not in OPT_IN)
        for name, need in needs.BY_NAME.items()
    }
    return _group("Roles hold what is true here, and no more (docs/rights.md).", **flags)


def _pods() -> dict[str, Schema]:
    resources = workload.RESOURCES
    return {
        "resources": _free("Of the controller's container.", resources),
        "gitReader": _group(
            "The container that reads git, without the account's token.",
            resources=_free("Of that container.", workload.READER_RESOURCES),
        ),
        "cacheSize": _text("Room for clones of git.", workload.CACHE_SIZE, _SIZE),
        "topologySpread": _choice(
            "Whether replicas may share a zone or a node.",
            "ScheduleAnyway",
            "ScheduleAnyway",
            "DoNotSchedule",
        ),
        "priorityClassName": _text("Of the pods."),
        "nodeSelector": _texts("Of the pods."),
        "tolerations": _list("Of the pods.", {"type": "object"}),
        "affinity": _free("Of the pods."),
        "podAnnotations": _texts("Besides ours."),
        "podLabels": _texts("Besides ours."),
        "extraEnv": _list(
            "Variables besides ours, such as HTTPS_PROXY, as Kubernetes writes them.",
            {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        ),
    }


def _network() -> Schema:
    return _group(
        "",
        enabled=_flag("Let nobody reach another port than the controller's.", default=True),
        ingressFrom=_list(
            "Who may reach it, as `from` has it; empty: anybody.", {"type": "object"}
        ),
        egress=_list(
            "Whom it may reach, as `egress` has it; empty: anybody, as git may be anywhere.",
            {"type": "object"},
        ),
    )


def _monitoring() -> Schema:
    def scrape(what: str) -> Schema:
        return _group(
            "",
            enabled=_flag(f"{what}, for the Prometheus operator.", default=False),
            interval=_text("", "15s", r"^[1-9][0-9]*(ms|s|m)$"),
            labels=_texts("What its Prometheus selects it by."),
        )

    return _group(
        "",
        podMonitor=scrape("A PodMonitor"),
        serviceMonitor=scrape("A ServiceMonitor"),
        alerts=_group(
            "",
            enabled=_flag("The alert rules, as a PrometheusRule.", default=False),
            labels=_texts("What its Prometheus selects it by."),
        ),
        board=_group(
            "",
            enabled=_flag(
                "The Grafana board, as a ConfigMap that its sidecar finds.", default=False
            ),
            labels={
                **_texts("What the sidecar finds it by."),
                "default": {"grafana_dashboard": "1"},
            },
        ),
    )


def _group(description: str, **properties: Schema) -> Schema:
    head = {"description": description} if description else {}
    return {"type": "object", "additionalProperties": False, **head, "properties": properties}


def _text(description: str, default: str = "", form: str = "") -> Schema:
    said = {"description": description} if description else {}
    return {"type": "string", **said, "default": default, **({"pattern": form} if form else {})}


def _flag(description: str, *, default: bool) -> Schema:
    return {"type": "boolean", "description": description, "default": default}


def _number(description: str, default: int, most: int | None = None) -> Schema:
    limits = {"minimum": 1} if most is None else {"minimum": 1, "maximum": most}
    return {"type": "integer", **limits, "description": description, "default": default}


def _choice(description: str, default: str, *of: str) -> Schema:
    said = {"description": description} if description else {}
    return {"type": "string", "enum": list(of), **said, "default": default}


def _list(description: str, items: Schema) -> Schema:
    return {"type": "array", "items": items, "description": description}


def _texts(description: str) -> Schema:
    kept = {"type": "string"}
    return {"type": "object", "additionalProperties": kept, "description": description}


def _free(description: str, default: Schema | None = None) -> Schema:
    return {"type": "object", "description": description, "default": default or {}}


def _named() -> Schema:
    name = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {"name": name},
    }


def _file(description: str, key: str) -> Schema:
    return _group(
        "",
        secret=_text(f"{description}: the Secret that has it; empty: none.", form=NAME),
        key=_text("The Secret's entry.", key, f"^{KEY}$"),
    )
