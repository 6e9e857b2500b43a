"""Which converter an object has; what is no release of another controller is passed over."""

from collections.abc import Mapping, Sequence
from typing import Any

from rollout.convert import argo, flagger
from rollout.convert.result import Conversion

Json = Mapping[str, Any]


def converted(objs: Sequence[Json]) -> Conversion:
    """All of Argo's and Flagger's objects among ``objs``, in order; the rest stands beside them."""
    whole = Conversion()
    for obj in objs:
        whole = whole.plus(_one(obj, objs))
    return whole


def _one(obj: Json, beside: Sequence[Json]) -> Conversion:
    version, kind = str(obj.get("apiVersion")), obj.get("kind")
    match (version.partition("/")[0] + "/", kind):
        case (argo.GROUP, "Rollout"):
            return argo.rollout(obj, beside)
        case (argo.GROUP, "AnalysisTemplate" | "ClusterAnalysisTemplate"):
            return argo.template(obj, beside)
        case (argo.GROUP, "Experiment"):
            return argo.experiment(obj)
        case (argo.GROUP, "AnalysisRun"):
            return argo.run(obj)
        case (flagger.GROUP, "AlertProvider"):
            return flagger.alert_provider(obj)
        case (flagger.GROUP, "Canary"):
            return flagger.canary(obj, beside)
        case (flagger.GROUP, "MetricTemplate"):
            return flagger.template(obj)
    return Conversion()
