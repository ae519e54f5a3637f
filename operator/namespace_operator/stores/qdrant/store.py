"""The vector store over Qdrant's REST API."""

from __future__ import annotations

import asyncio
from collections.abc import Collection as Names
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import structlog
from pydantic import ValidationError

from namespace_operator.api.profile import CollectionParameters
from namespace_operator.domain.evidence import Draw, Payload
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.observed import Collection
from namespace_operator.domain.parameters import AS_QDRANT_HAS_IT, Parameters, flat
from namespace_operator.domain.vectors import NamedVector
from namespace_operator.stores.errors import Backend, BackendError, Outdated, Rejected, Unauthorized
from namespace_operator.stores.fence import UNFENCED, Fence
from namespace_operator.stores.protocols import ReadAtOnce
from namespace_operator.stores.qdrant import sampling, slowness, telemetry, translate
from namespace_operator.stores.qdrant.crowd import PATIENCE_SECONDS
from namespace_operator.stores.qdrant.http import QdrantHttp
from namespace_operator.stores.qdrant.parameters import change, creation
from namespace_operator.stores.qdrant.telemetry import NotUnderstood
from namespace_operator.telemetry.requests import UNMEASURED, Meter

_VERSION_TTL_SECONDS = 60.0
_BUILD_SECONDS = 60.0
"""How long a change of a large collection may take: minutes of an outage look the same until then."""

_WAIT = {True: "true", False: "false"}
_NAMESPACE_ID = "namespace_id"


class QdrantStore:
    """One Qdrant server, 1.18 or newer.

    ``timeout_seconds`` bounds a whole request, ``patience_seconds`` how long many wait for a server that answers
    nothing, ``connections`` how many requests run at once. ``ca`` is the PEM text of the
    authority's certificates, None for the system's. With ``forbidden`` the host may lead neither to these addresses
    nor to ones that are inner (see ``domain.endpoints``); None: anywhere. ``fence`` is asked right before each request,
    ``meter`` measures it.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout_seconds: float = 10.0,
        connections: int = 32,
        ca: str | None = None,
        forbidden: Names[str] | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        fence: Fence = UNFENCED,
        meter: Meter = UNMEASURED,
    ) -> None:
        self._http = QdrantHttp(
            *(url, api_key, timeout_seconds, connections),
            ca=ca,
            forbidden=forbidden,
            patience_seconds=patience_seconds,
            fence=fence,
            meter=meter,
        )
        self._version = ""
        self._version_read = -_VERSION_TTL_SECONDS

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def waiting(self) -> AbstractAsyncContextManager[None]:
        """Wait within it for what another asks the server."""
        return self._http.waiting()

    async def version(self) -> str:
        """The server's version, asked for once a minute: it only changes when the server is replaced."""
        now = asyncio.get_running_loop().time()
        if now - self._version_read >= _VERSION_TTL_SECONDS:
            _, answer = await self._http.request("GET")
            try:
                self._version, self._version_read = str(answer["version"]), now
            except (KeyError, TypeError) as error:
                message = "What answers at the Qdrant URL is not a Qdrant server; check the URL"
                raise Rejected(Backend.QDRANT, message, "GET /") from error
        return self._version

    async def read(self, collection: str) -> Collection | None:
        """The collection, or None where the server says that there is none: a deletion may rest on that."""
        status, answer = await self._http.request("GET", "collections", collection, accept=(404,))
        if status == 404:
            if not _says_missing(answer):
                message = f"What answers 404 for collection {collection} is not Qdrant: a gateway, say; check the URL"
                raise Rejected(Backend.QDRANT, message, f"GET {collection}")
            return None
        with _understood(f"describes collection {collection}", f"GET {collection}"):
            return translate.collection(collection, answer["result"])

    async def read_at_once(self, collections: Names[str]) -> ReadAtOnce | None:
        """The server's telemetry; None also where the key may not read it."""
        try:
            text = await self._http.text("GET", "telemetry", query={"details_level": "4"})
            return await telemetry.read_at_once(text, collections)
        except (Unauthorized, Rejected, NotUnderstood) as error:
            structlog.get_logger().debug("telemetry cannot be used", error=str(error) or type(error).__name__)
            return None

    async def aliases(self, collection: str) -> tuple[str, ...]:
        """The aliases of a collection."""
        _, answer = await self._http.request("GET", "collections", collection, "aliases")
        with _understood(f"lists the aliases of {collection}", f"GET {collection}/aliases"):
            return tuple(sorted(alias["alias_name"] for alias in answer["result"]["aliases"]))

    async def names(self) -> frozenset[str]:
        """The names of all collections."""
        _, answer = await self._http.request("GET", "collections")
        with _understood("lists its collections", "GET collections"):
            return frozenset(str(collection["name"]) for collection in answer["result"]["collections"])

    async def count_points(self, collection: str, namespace_id: str | None = None) -> int:
        """The exact number of points, of one namespace if one is named."""
        body = {"exact": True} if namespace_id is None else {"exact": True, "filter": _of_namespace(namespace_id)}
        _, answer = await self._http.request("POST", "collections", collection, "points", "count", body=body)
        with _understood(f"counts the points of {collection}", f"POST {collection}/points/count"):
            return int(answer["result"]["count"])

    async def count_with_vector(
        self, collection: str, vector: str, namespace_id: str | None = None, *, exact: bool = False
    ) -> int:
        """The number of points with this vector, of one namespace if one is named."""
        conditions: list[dict[str, Any]] = [{"has_vector": vector}]
        if namespace_id is not None:
            conditions += _of_namespace(namespace_id)["must"]
        body = {"exact": exact or namespace_id is not None, "filter": {"must": conditions}}
        _, answer = await self._http.request("POST", "collections", collection, "points", "count", body=body)
        with _understood(f"counts the vectors of {collection}", f"POST {collection}/points/count"):
            return int(answer["result"]["count"])

    async def points_by_namespace(self, collection: str, limit: int) -> Mapping[str, int]:
        """The exact number of points of each namespace id, from a facet, which also lists values that are gone."""
        body = {"key": _NAMESPACE_ID, "limit": limit, "exact": True}
        _, answer = await self._http.request("POST", "collections", collection, "facet", body=body)
        with _understood(f"counts the points of {collection} by namespace", f"POST {collection}/facet"):
            hits = {str(hit["value"]): int(hit["count"]) for hit in answer["result"]["hits"]}
        return {namespace_id: count for namespace_id, count in hits.items() if count}

    async def count_having(self, collection: str, field_name: str) -> int:
        """The exact number of points that have a value in a field."""
        body = {"exact": True, "filter": sampling.having(field_name)}
        _, answer = await self._http.request("POST", "collections", collection, "points", "count", body=body)
        with _understood(f"counts the points of {collection}", f"POST {collection}/points/count"):
            return int(answer["result"]["count"])

    async def sample(self, collection: str, field_names: Sequence[str], draws: Sequence[Draw]) -> Sequence[Payload]:
        """Payloads of random points, from one batch of queries."""
        path = ("collections", collection, "points", "query", "batch")
        body = sampling.batch(field_names, draws)
        _, answer = await self._http.request("POST", *path, body=body, timeout_seconds=_BUILD_SECONDS)
        with _understood(f"draws points of {collection}", f"POST {collection}/points/query/batch"):
            return sampling.payloads(answer["result"])

    async def slow_fields(self) -> Mapping[str, frozenset[str]]:
        """Fields that slow requests filtered by. What their bodies hold otherwise is read by nobody."""
        return slowness.together([await self._told("issues"), await self._told("profiler", "slow_requests")])

    async def _told(self, *path: str) -> Any:  # noqa: ANN401 - JSON
        """What the server tells of itself, None where it does not tell it to the holder of this key."""
        try:
            _, answer = await self._http.request("GET", *path)
            return answer["result"]
        except (BackendError, KeyError, TypeError):
            return None

    async def alias_target(self, name: str) -> str | None:
        """The collection behind an alias."""
        _, answer = await self._http.request("GET", "aliases")
        with _understood("lists its aliases", "GET aliases"):
            aliases = {alias["alias_name"]: str(alias["collection_name"]) for alias in answer["result"]["aliases"]}
        return aliases.get(name)

    async def create_collection(
        self,
        collection: str,
        vectors: Sequence[NamedVector],
        metadata: Mapping[str, Any],
        parameters: CollectionParameters = AS_QDRANT_HAS_IT,
    ) -> None:
        """Create the collection."""
        body: dict[str, Any] = {
            "vectors": translate.dense_params(vectors, on_disk=parameters.on_disk_vectors),
            "metadata": dict(metadata),
            **creation(flat(parameters)),
        }
        if sparse := translate.sparse_params(vectors):
            body["sparse_vectors"] = sparse
        status, _ = await self._http.request("PUT", "collections", collection, body=body, accept=(409,))
        if status == 409:
            raise Outdated(f"collection {collection} exists")

    async def set_metadata(self, collection: str, metadata: Mapping[str, Any]) -> None:
        """Merge top-level keys into the metadata."""
        await self._http.request("PATCH", "collections", collection, body={"metadata": dict(metadata)})

    async def update_collection(self, collection: str, changes: Parameters) -> None:
        """Change parameters; the server answers when the optimizations under way have ended."""
        body = change(changes)
        await self._http.request("PATCH", "collections", collection, body=body, timeout_seconds=_BUILD_SECONDS)

    async def add_vector(self, collection: str, vector: NamedVector) -> None:
        """Add a named vector."""
        body = translate.vector_config(vector)
        await self._http.request(
            *("PUT", "collections", collection, "vectors", vector.name),
            query={"wait": "true"},
            body=body,
            timeout_seconds=_BUILD_SECONDS,
        )

    async def put_index(self, collection: str, field_name: str, schema: IndexSchema, *, wait: bool) -> None:
        """Create or replace a payload index."""
        body = {"field_name": field_name, "field_schema": dict(schema)}
        await self._http.request(
            *("PUT", "collections", collection, "index"),
            query={"wait": _WAIT[wait]},
            body=body,
            timeout_seconds=_BUILD_SECONDS if wait else None,
        )

    async def drop_index(self, collection: str, field_name: str, *, wait: bool) -> None:
        """Drop a payload index."""
        await self._http.request("DELETE", "collections", collection, "index", field_name, query={"wait": _WAIT[wait]})

    async def delete_points(self, collection: str, namespace_id: str) -> None:
        """Delete a namespace's points and wait for it: a count afterwards finds none of those."""
        await self._http.request(
            *("POST", "collections", collection, "points", "delete"),
            query={"wait": "true"},
            body={"filter": _of_namespace(namespace_id)},
            timeout_seconds=_BUILD_SECONDS,
        )

    async def delete_collection(self, collection: str) -> None:
        """Delete the collection; deleting a missing one succeeds."""
        await self._http.request("DELETE", "collections", collection)


def _of_namespace(namespace_id: str) -> dict[str, Any]:
    return {"must": [{"key": _NAMESPACE_ID, "match": {"value": namespace_id}}]}


@contextmanager
def _understood(what: str, request: str) -> Iterator[None]:
    """An answer of another shape than expected is the server's refusal to be understood, not a defect here."""
    try:
        yield
    except (ValidationError, KeyError, TypeError, ValueError) as error:
        message = f"Qdrant {what} in a way this operator does not understand: {_first_problem(error)}"
        raise Rejected(Backend.QDRANT, message, request) from error


def _says_missing(answer: Any) -> bool:  # noqa: ANN401 - JSON
    try:
        return str(answer["status"]["error"]).startswith("Not found: Collection")
    except (KeyError, TypeError):
        return False


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return type(error).__name__
