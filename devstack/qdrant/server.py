"""The REST API: routes, answers, and which collection a request is about."""

import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from devstack.qdrant import VERSION
from devstack.qdrant.access import Access
from devstack.qdrant.body import Body, Json
from devstack.qdrant.collection import Collection
from devstack.qdrant.errors import ApiError, collection_exists, collection_missing, wrong_input
from devstack.qdrant.storage import stored, write_json
from devstack.qdrant.telemetry import Telemetry
from devstack.qdrant.unserved import UNSERVED
from devstack.qdrant.validation import check_collection_name, check_vector_name

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_MAX_BODY = 64 * 1024 * 1024


class _Bare(web.Response):
    """An answer without body and content type, as the server gives to an unknown route."""


async def _strip(_: web.Request, response: web.StreamResponse) -> None:
    if isinstance(response, _Bare):
        response.headers.popall("Content-Type", None)


class Server:
    """Collections and aliases below a data directory, and the handlers of the API."""

    def __init__(self, root: Path, access: Access) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._root = root
        self._access = access
        self._telemetry = Telemetry()
        self._collections = {name: Collection(name, root, **_split(config)) for name, config in stored(root)}
        self._aliases: dict[str, str] = {}
        if self._alias_file.exists():
            self._aliases = json.loads(self._alias_file.read_text())

    def application(self) -> web.Application:
        """The web application."""
        app = web.Application(middlewares=[self._middleware], client_max_size=_MAX_BODY)
        app.on_response_prepare.append(_strip)
        one = "/collections/{collection}"
        app.add_routes(
            [
                web.get("/", self._root_info, allow_head=False),
                web.get("/healthz", _text("healthz check passed")),
                web.get("/livez", _text("healthz check passed")),
                web.get("/readyz", _text("all shards are ready")),
                web.get("/cluster", self._cluster),
                web.get("/telemetry", self._get_telemetry),
                web.get("/aliases", self._list_aliases),
                web.get("/collections", self._list),
                web.post("/collections/aliases", self._change_aliases),
                web.get(one, self._get),
                web.put(one, self._create),
                web.patch(one, self._update),
                web.delete(one, self._delete),
                web.get(f"{one}/exists", self._exists),
                web.get(f"{one}/cluster", self._collection_cluster),
                web.get(f"{one}/aliases", self._list_collection_aliases),
                web.put(f"{one}/vectors/{{vector}}", self._add_vector),
                web.delete(f"{one}/vectors/{{vector}}", self._drop_vector),
                web.put(f"{one}/index", self._put_index),
                web.delete(f"{one}/index/{{field}}", self._drop_index),
                web.put(f"{one}/points", self._upsert),
                web.post(f"{one}/points", self._retrieve),
                web.post(f"{one}/points/delete", self._delete_points),
                web.post(f"{one}/points/payload", self._set_payload),
                web.post(f"{one}/points/count", self._count),
                web.post(f"{one}/points/scroll", self._scroll),
                web.post(f"{one}/points/query", self._query),
                web.post(f"{one}/facet", self._facet),
            ]
        )
        for (method, path), reason in UNSERVED.items():
            app.router.add_route(method, path, _unserved(reason))
        return app

    @property
    def _alias_file(self) -> Path:
        return self._root / "aliases.json"

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        answer = await self._answer(request, handler)
        self._telemetry.record(_route(request), answer.status, time.perf_counter() - started)
        return answer

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return self._access.refusal(request) or await handler(request)
        except ApiError as error:
            return web.json_response({"status": {"error": error.text}, "time": 0.0}, status=error.status)
        except web.HTTPException as error:
            return _Bare(status=error.status)

    def _collection(self, request: web.Request) -> Collection:
        name = request.match_info["collection"]
        collection = self._collections.get(self._aliases.get(name, name))
        if collection is None:
            raise collection_missing(name)
        return collection

    async def _root_info(self, _: web.Request) -> web.Response:
        return web.json_response({"title": "qdrant - vector search engine", "version": VERSION})

    async def _cluster(self, _: web.Request) -> web.Response:
        return _result({"status": "disabled"})

    async def _get_telemetry(self, request: web.Request) -> web.Response:
        level = int(request.query.get("details_level", 0))
        return _result(await self._telemetry.answer(level, self._collections.values()))

    async def _list(self, _: web.Request) -> web.Response:
        return _result({"collections": [{"name": name} for name in self._collections]})

    async def _get(self, request: web.Request) -> web.Response:
        return _result(await self._collection(request).info())

    async def _exists(self, request: web.Request) -> web.Response:
        name = request.match_info["collection"]
        return _result({"exists": self._aliases.get(name, name) in self._collections})

    async def _create(self, request: web.Request) -> web.Response:
        name = request.match_info["collection"]
        body = await _body(request)
        check_collection_name(name)
        if name in self._aliases:
            text = f"Can't create collection with name {name}. Alias with the same name already exists"
            raise wrong_input(text)
        if name in self._collections:
            raise collection_exists(name)
        # No await between the check and the assignment: of two requests at once one is the second.
        self._collections[name] = Collection.create(name, self._root, body)
        return _result(True)

    async def _update(self, request: web.Request) -> web.Response:
        body = await _body(request)
        self._collection(request).update(body)
        return _result(True)

    async def _delete(self, request: web.Request) -> web.Response:
        collection = self._collections.pop(request.match_info["collection"], None)
        if collection is None:
            return _result(False)
        self._aliases = {alias: name for alias, name in self._aliases.items() if name != collection.name}
        self._save_aliases()
        await collection.remove()
        return _result(True)

    async def _collection_cluster(self, request: web.Request) -> web.Response:
        points, _, _ = await self._collection(request).figures()
        shard = {"shard_id": 0, "points_count": points, "state": "Active"}
        none: Json = {"remote_shards": [], "shard_transfers": []}
        return _result({"peer_id": 1, "shard_count": 1, "local_shards": [shard], **none})

    async def _list_aliases(self, _: web.Request) -> web.Response:
        return _result({"aliases": [_alias(*item) for item in self._aliases.items()]})

    async def _list_collection_aliases(self, request: web.Request) -> web.Response:
        name = self._collection(request).name
        return _result({"aliases": [_alias(*item) for item in self._aliases.items() if item[1] == name]})

    async def _change_aliases(self, request: web.Request) -> web.Response:
        body = await _body(request)
        aliases = dict(self._aliases)
        for action in body.get("actions", []):
            self._change_alias(aliases, action)
        self._aliases = aliases
        self._save_aliases()
        return _result(True)

    def _change_alias(self, aliases: dict[str, str], action: Json) -> None:
        if "create_alias" in action:
            change = action["create_alias"]
            if change["collection_name"] not in self._collections:
                raise collection_missing(change["collection_name"])
            if change["alias_name"] in self._collections:
                raise collection_exists(change["alias_name"])
            aliases[change["alias_name"]] = change["collection_name"]
        elif "rename_alias" in action:
            change = action["rename_alias"]
            if change["old_alias_name"] not in aliases:
                raise ApiError(404, f"Not found: Alias {change['old_alias_name']} does not exists!")
            aliases[change["new_alias_name"]] = aliases.pop(change["old_alias_name"])
        elif "delete_alias" in action:
            aliases.pop(action["delete_alias"]["alias_name"], None)

    def _save_aliases(self) -> None:
        write_json(self._alias_file, self._aliases)

    async def _add_vector(self, request: web.Request) -> web.Response:
        body = await _body(request)
        name = request.match_info["vector"]
        check_vector_name(name)
        return _operation(await self._collection(request).add_vector(name, body))

    async def _drop_vector(self, request: web.Request) -> web.Response:
        return _operation(await self._collection(request).drop_vector(request.match_info["vector"]))

    async def _put_index(self, request: web.Request) -> web.Response:
        body = await _body(request)
        wait = _wait(request)
        return _operation(await self._collection(request).put_index(body, wait=wait), wait=wait)

    async def _drop_index(self, request: web.Request) -> web.Response:
        wait = _wait(request)
        return _operation(await self._collection(request).drop_index(request.match_info["field"], wait=wait), wait=wait)

    async def _upsert(self, request: web.Request) -> web.Response:
        body = await _body(request)
        wait = _wait(request)
        if body.get("points") is None:
            raise ApiError(501, "Not served by the stand-in: points as a batch of columns")
        return _operation(await self._collection(request).upsert(body.get("points"), wait=wait), wait=wait)

    async def _delete_points(self, request: web.Request) -> web.Response:
        body = await _body(request)
        wait = _wait(request)
        return _operation(await self._collection(request).delete_points(body, wait=wait), wait=wait)

    async def _set_payload(self, request: web.Request) -> web.Response:
        body = await _body(request)
        wait = _wait(request)
        return _operation(await self._collection(request).set_payload(body, wait=wait), wait=wait)

    async def _retrieve(self, request: web.Request) -> web.Response:
        body = await _body(request)
        return _result(await self._collection(request).retrieve(body))

    async def _count(self, request: web.Request) -> web.Response:
        body = await _body(request)
        return _result({"count": await self._collection(request).count(body)})

    async def _scroll(self, request: web.Request) -> web.Response:
        body = await _body(request)
        points, following = await self._collection(request).scroll(body)
        return _result({"points": points, "next_page_offset": following})

    async def _query(self, request: web.Request) -> web.Response:
        body = await _body(request)
        return _result({"points": await self._collection(request).query(body)})

    async def _facet(self, request: web.Request) -> web.Response:
        body = await _body(request)
        return _result({"hits": await self._collection(request).facet(body)})


def _split(stored_config: Json) -> Json:
    return {"config": stored_config["config"], "schema": stored_config["payload_schema"]}


async def _body(request: web.Request) -> Body:
    return Body(await request.text())


def _wait(request: web.Request) -> bool:
    return request.query.get("wait") == "true"


def _result(result: Any) -> web.Response:
    return web.json_response({"result": result, "status": "ok", "time": 0.0})


def _operation(number: int, *, wait: bool = True) -> web.Response:
    return _result({"operation_id": number, "status": "completed" if wait else "acknowledged"})


def _alias(alias: str, collection: str) -> Json:
    return {"alias_name": alias, "collection_name": collection}


def _text(text: str) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text)

    return answer


def _unserved(reason: str) -> Handler:
    async def refuse(_: web.Request) -> web.Response:
        raise ApiError(501, f"Not served by the stand-in: {reason}")

    return refuse


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    if resource is None:
        return f"{request.method} unknown"
    return f"{request.method} {resource.canonical.replace('{collection}', '{collection_name}')}"
