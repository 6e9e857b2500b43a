"""How many pods a share of the requests needs; nothing is known here of who gets it."""


def need(weight: int, carrying: int) -> int:
    """Pods that carry ``weight`` percent of what ``carrying`` pods carry together.

    ``ceil(carrying * weight / 100)``: the same load on each pod as now, rounded up, so at least
    1 for any weight, and 0 for none. ``carrying``: ready stable pods, or as many as stable wants
    if that is more, while they had all requests.
    Source: invariant S7 of facts/reliability.md 2.3.
    """
    return -(-max(carrying, 1) * weight // 100)
