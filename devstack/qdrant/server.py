"""The REST API: its routes, and the form of its answers."""

import asyncio
import json
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from devstack.qdrant import VERSION
from devstack.qdrant.access import Access
from devstack.qdrant.body import Body, Json
from devstack.qdrant.catalog import Catalog
from devstack.qdrant.collection import Collection
from devstack.qdrant.errors import ApiError, malformed_query, not_served
from devstack.qdrant.indexes import check_field_path
from devstack.qdrant.requests import ChangeAliases
from devstack.qdrant.telemetry import Telemetry
from devstack.qdrant.unserved import ANONYMIZED_TELEMETRY, PER_COLLECTION_STATISTICS, UNSERVED
from devstack.qdrant.vectors import check_collection_name, check_vector_name

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = Callable[[web.Request], Awaitable[object]]

_log = logging.getLogger(__name__)

_MAX_BODY = 64 * 1024 * 1024
_MAX_PEER_ID = 2**53
_FLAGS = {"true": True, "false": False}

_POINT_UPDATES = {
    ("PUT", ""): "upsert",
    ("PUT", "/vectors"): "update_vectors",
    ("POST", "/vectors/delete"): "delete_vectors",
    ("POST", "/delete"): "delete",
    ("POST", "/payload"): "set_payload",
    ("PUT", "/payload"): "overwrite_payload",
    ("POST", "/payload/delete"): "delete_payload",
    ("POST", "/payload/clear"): "clear_payload",
}


class Server:
    """Serves the collections and aliases below a data directory, as a server that says it is of some version."""

    def __init__(self, root: Path, access: Access, version: str = VERSION) -> None:
        self._access = access
        self._version = version
        self._telemetry = Telemetry(version)
        self._catalog = Catalog(root)
        self._peer_id = random.randrange(_MAX_PEER_ID)

    def application(self) -> web.Application:
        """The web application."""
        app = web.Application(middlewares=[self._middleware], client_max_size=_MAX_BODY)
        app.router.add_get("/", self._root, allow_head=False)
        for path, text in (("healthz", "healthz check passed"), ("livez", "healthz check passed")):
            app.router.add_get(f"/{path}", _text(text), allow_head=False)
        app.router.add_get("/readyz", _text("all shards are ready"), allow_head=False)
        one = "/collections/{collection}"
        routes: list[tuple[str, str, Answer]] = [
            ("GET", "/cluster", self._cluster),
            ("GET", "/telemetry", self._get_telemetry),
            ("GET", "/aliases", self._list_aliases),
            ("GET", "/collections", self._list),
            ("POST", "/collections/aliases", self._change_aliases),
            ("GET", one, self._get),
            ("PUT", one, self._create),
            ("PATCH", one, self._patch),
            ("DELETE", one, self._delete),
            ("GET", f"{one}/exists", self._exists),
            ("GET", f"{one}/cluster", self._collection_cluster),
            ("GET", f"{one}/aliases", self._list_collection_aliases),
            ("PUT", f"{one}/vectors/{{vector}}", self._add_vector),
            ("DELETE", f"{one}/vectors/{{vector}}", self._drop_vector),
            ("PUT", f"{one}/index", self._put_index),
            ("DELETE", f"{one}/index/{{field}}", self._drop_index),
            ("POST", f"{one}/points", self._read(Collection.retrieve)),
            ("POST", f"{one}/points/count", self._read(Collection.count)),
            ("POST", f"{one}/points/scroll", self._read(Collection.scroll)),
            ("POST", f"{one}/points/query", self._read(Collection.query)),
            ("POST", f"{one}/points/query/batch", self._read(Collection.query_batch)),
            ("POST", f"{one}/facet", self._read(Collection.facet)),
            *((method, f"{one}/points{path}", self._update(kind)) for (method, path), kind in _POINT_UPDATES.items()),
            *((method, path, _unserved(reason)) for (method, path), reason in UNSERVED.items()),
        ]
        for method, path, answer in routes:
            app.router.add_route(method, path, _timed(answer))
        app.cleanup_ctx.append(self._lifetime)
        return app

    async def _lifetime(self, _: web.Application) -> AsyncIterator[None]:
        await self._catalog.resume()
        yield
        await self._catalog.close()

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        answer = await self._answer(request, handler, started)
        self._telemetry.record(_endpoint(request), answer.status, time.perf_counter() - started)
        return answer

    async def _answer(self, request: web.Request, handler: Handler, started: float) -> web.StreamResponse:
        try:
            return self._access.refusal(request) or await handler(request)
        except ApiError as error:
            return _json({"status": {"error": error.text}}, started, error.status)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            # The real server knows a path by its method only. Without a length, aiohttp would add a content type.
            return web.StreamResponse(status=404, headers={"Content-Length": "0"})
        except web.HTTPException as error:
            return _json({"status": {"error": error.reason}}, started, error.status)
        except Exception as error:
            _log.exception("%s %s failed", request.method, request.path)
            return _json({"status": {"error": f"Service internal error: {error}"}}, started, 500)

    async def _root(self, _: web.Request) -> web.Response:
        return _encoded({"title": "qdrant - vector search engine", "version": self._version})

    async def _cluster(self, _: web.Request) -> object:
        return {"status": "disabled"}

    async def _get_telemetry(self, request: web.Request) -> object:
        if _flag(request, "per_collection"):
            raise not_served(PER_COLLECTION_STATISTICS)
        if _flag(request, "anonymize"):
            raise not_served(ANONYMIZED_TELEMETRY)
        level = request.query.get("details_level", "0")
        if not level.isdecimal():
            raise malformed_query("Query deserialize error: invalid digit found in string")
        return await self._telemetry.answer(int(level), self._catalog.collections())

    async def _list(self, _: web.Request) -> object:
        return {"collections": [{"name": collection.name} for collection in self._catalog.collections()]}

    async def _get(self, request: web.Request) -> object:
        return await self._collection(request).info()

    async def _exists(self, request: web.Request) -> object:
        return {"exists": self._catalog.exists(request.match_info["collection"])}

    async def _create(self, request: web.Request) -> object:
        name = request.match_info["collection"]
        check_collection_name(name)
        await self._catalog.create(name, await _body(request))
        return True

    async def _patch(self, request: web.Request) -> object:
        body = await _body(request)
        await self._collection(request).patch(body)
        return True

    async def _delete(self, request: web.Request) -> object:
        return await self._catalog.delete(request.match_info["collection"])

    async def _collection_cluster(self, request: web.Request) -> object:
        figures = await self._collection(request).figures()
        return {
            "peer_id": self._peer_id,
            "shard_count": 1,
            "local_shards": [{"shard_id": 0, "points_count": figures.points, "state": "Active"}],
            "remote_shards": [],
            "shard_transfers": [],
        }

    async def _list_aliases(self, _: web.Request) -> object:
        return {"aliases": [_alias(*item) for item in self._catalog.aliases.items()]}

    async def _list_collection_aliases(self, request: web.Request) -> object:
        name = self._collection(request).name
        return {"aliases": [_alias(*item) for item in self._catalog.aliases.items() if item[1] == name]}

    async def _change_aliases(self, request: web.Request) -> object:
        await self._catalog.change_aliases((await _body(request)).parse(ChangeAliases))
        return True

    async def _add_vector(self, request: web.Request) -> object:
        name, wait = request.match_info["vector"], _flag(request, "wait")
        check_vector_name(name)
        body = await _body(request)
        return _operation(await self._collection(request).add_vector(name, body, wait=wait), wait=wait)

    async def _drop_vector(self, request: web.Request) -> object:
        name, wait = request.match_info["vector"], _flag(request, "wait")
        return _operation(await self._collection(request).drop_vector(name, wait=wait), wait=wait)

    async def _put_index(self, request: web.Request) -> object:
        body, wait = await _body(request), _flag(request, "wait")
        return _operation(await self._collection(request).put_index(body, wait=wait), wait=wait)

    async def _drop_index(self, request: web.Request) -> object:
        name, wait = request.match_info["field"], _flag(request, "wait")
        check_field_path(name)
        return _operation(await self._collection(request).drop_index(name, wait=wait), wait=wait)

    def _update(self, kind: str) -> Answer:
        async def answer(request: web.Request) -> object:
            body, wait = await _body(request), _flag(request, "wait")
            number = await self._collection(request).update_points(kind, body.fields, wait=wait)
            return _operation(number, wait=wait)

        return answer

    def _read(self, look: Callable[[Collection, Json], Awaitable[object]]) -> Answer:
        async def answer(request: web.Request) -> object:
            body = await _body(request)
            return await look(self._collection(request), body.fields)

        return answer

    def _collection(self, request: web.Request) -> Collection:
        return self._catalog.get(request.match_info["collection"])


def _timed(answer: Answer) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        return _json({"result": await answer(request), "status": "ok"}, started)

    return handle


def _json(value: Json, started: float, status: int = 200) -> web.Response:
    return _encoded({**value, "time": time.perf_counter() - started}, status)


def _encoded(value: object, status: int = 200) -> web.Response:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return web.Response(body=text.encode(), status=status, content_type="application/json")


def _operation(number: int, *, wait: bool) -> Json:
    return {"operation_id": number, "status": "completed" if wait else "acknowledged"}


def _alias(alias: str, collection: str) -> Json:
    return {"alias_name": alias, "collection_name": collection}


async def _body(request: web.Request) -> Body:
    raw = await request.read()
    # A large body takes long to read, in a thread others are served meanwhile.
    return await asyncio.to_thread(Body, raw)


def _flag(request: web.Request, name: str) -> bool:
    value = request.query.get(name, "false")
    if value not in _FLAGS:
        raise malformed_query("Query deserialize error: provided string was not `true` or `false`")
    return _FLAGS[value]


def _text(text: str) -> Handler:
    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text)

    return handle


def _unserved(reason: str) -> Answer:
    async def answer(_: web.Request) -> object:
        raise not_served(reason)

    return answer


def _endpoint(request: web.Request) -> str:
    resource: Any = request.match_info.route.resource
    if resource is None:
        return f"{request.method} unknown"
    return f"{request.method} {resource.canonical.replace('{collection}', '{collection_name}')}"
