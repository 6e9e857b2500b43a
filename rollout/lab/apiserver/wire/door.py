"""Every request comes in here: faults, access, then the verb that it asks for."""

from __future__ import annotations

import asyncio

from aiohttp import web

from rollout.lab.apiserver.faults import Call, Fault, Faults
from rollout.lab.apiserver.problems import Problem
from rollout.lab.apiserver.storage.store import Store

from . import discovery, openapi, reply, routes
from .access import Access, reviewed
from .ask import Ask, body, options
from .streams import Streams
from .verbs import Verbs


class Door:
    """The one handler of the server; all answers, also the refusals, come from here."""

    def __init__(
        self, store: Store, access: Access, faults: Faults, streams: Streams, verbs: Verbs
    ) -> None:
        self._store = store
        self._access = access
        self._faults = faults
        self._streams = streams
        self._verbs = verbs

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            address = routes.address(request.path)
            if address is None or not self._knows(address):
                return self._other(request)
            return await self._resource(request, address)
        except Problem as found:
            return reply.problem(found)

    async def _resource(
        self, request: web.BaseRequest, address: routes.Address
    ) -> web.StreamResponse:
        verb = routes.verb(request.method, address.name, request.query)
        call = Call(
            verb,
            f"{address.plural}.{address.group}".rstrip("."),
            address.namespace or "",
            address.name,
            address.subresource,
            request.path_qs,
        )
        fault = self._faults.of(call)
        if fault is not None and not fault.after:
            return await _fault(request, fault)
        response = await self._answered(request, address, verb)
        if fault is not None:
            return await _fault(request, fault)
        return response

    async def _answered(
        self, request: web.BaseRequest, address: routes.Address, verb: str
    ) -> web.StreamResponse:
        user = self._access.user(request.headers.get("Authorization", ""))
        if address.group in discovery.REVIEWS:
            review = await body(request)
            return reply.json(reviewed(self._access, address.plural, review, user), 201)
        target = routes.target(address, self._store.kinds)
        self._access.check(user, verb, target)
        ask = Ask(
            request,
            target,
            user,
            reply.form(request.headers.get("Accept", "*/*")),
            options(request.query, request.headers.get("User-Agent", ""), target, user),
        )
        if verb == "watch":
            return await self._streams.answer(ask)
        return await self._verbs.answer(verb, ask)

    def _knows(self, address: routes.Address) -> bool:
        reviews = address.group in discovery.REVIEWS
        return reviews or bool(self._store.kinds.in_version(address.group, address.version))

    def _other(self, request: web.BaseRequest) -> web.Response:
        path = request.path.rstrip("/")
        if path in ("/healthz", "/readyz", "/livez"):
            return web.Response(text="ok")
        if path == "/version":
            return reply.json(discovery.VERSION)
        found = self._told(path, request.host)
        if found is None:
            return web.Response(status=404, text="404 page not found\n")
        return reply.json(found)

    def _told(self, path: str, host: str) -> dict[str, object] | None:
        kinds = self._store.kinds
        match path.strip("/").split("/"):
            case ["api"]:
                return discovery.core_versions(host)
            case ["apis"]:
                return discovery.groups(kinds)
            case ["api", version]:
                return discovery.resources(kinds, "", version)
            case ["apis", group]:
                return discovery.group(kinds, group)
            case ["apis", group, version]:
                return discovery.resources(kinds, group, version)
            case ["openapi", "v3"]:
                return openapi.index(kinds)
            case ["openapi", "v3", "api", version]:
                return openapi.document(kinds, "", version)
            case ["openapi", "v3", "apis", group, version]:
                return openapi.document(kinds, group, version)
            case ["openapi", "v2"]:
                return {"swagger": "2.0", "info": {"title": "Rollout lab"}, "paths": {}}
        return None


async def _fault(request: web.BaseRequest, fault: Fault) -> web.Response:
    if fault.hang_s:
        await asyncio.sleep(fault.hang_s)
    if fault.code == 0:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=499)
    if fault.body is None:
        return reply.problem(fault.problem())
    headers = {"Content-Type": fault.content_type, **fault.headers}
    return web.Response(body=fault.body, status=fault.code, headers=headers)
