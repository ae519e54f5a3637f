"""The engine's shard of one collection: it exists from the first point on."""

import contextlib
from pathlib import Path
from typing import Any

import numpy
import qdrant_edge as engine

from devstack.qdrant import filters
from devstack.qdrant.body import Json
from devstack.qdrant.errors import ApiError, unknown_vector, wrong_input

_DATATYPES = {
    "float32": engine.VectorStorageDatatype.Float32,
    "float16": engine.VectorStorageDatatype.Float16,
    "uint8": engine.VectorStorageDatatype.Uint8,
}
_PARAMS = {
    "keyword": engine.KeywordIndexParams,
    "integer": engine.IntegerIndexParams,
    "float": engine.FloatIndexParams,
    "geo": engine.GeoIndexParams,
    "text": engine.TextIndexParams,
    "bool": engine.BoolIndexParams,
    "datetime": engine.DatetimeIndexParams,
    "uuid": engine.UuidIndexParams,
}
_MULTIVECTOR = engine.MultiVectorConfig(engine.MultiVectorComparator.MaxSim)


class Shard:
    """Points with their vectors and indexes. All methods block: they belong into a thread."""

    def __init__(self, directory: Path, dense: Json, sparse: Json, indexes: Json) -> None:
        """Open the shard in `directory`, or make it; what it lacks of vectors and indexes is added."""
        if directory.exists():
            self._shard = engine.EdgeShard.load(str(directory))
            for name, params in dense.items():
                self.add_dense(name, params)
            for name, params in sparse.items():
                self.add_sparse(name, params)
        else:
            config = engine.EdgeConfig(
                vectors={name: _dense(params) for name, params in dense.items()},
                sparse_vectors={name: _sparse(params) for name, params in sparse.items()},
                max_search_threads=1,
            )
            self._shard = engine.EdgeShard.create(str(directory), config)
        for field, entry in indexes.items():
            self.put_index(field, entry)

    def close(self) -> None:
        self._shard.close()

    def add_dense(self, name: str, params: Json) -> None:
        multivector = _MULTIVECTOR if params.get("multivector_config") else None
        datatype = _DATATYPES[params.get("datatype", "float32")]
        distance = getattr(engine.Distance, params["distance"])
        self._update(engine.UpdateOperation.create_dense_vector(name, params["size"], distance, multivector, datatype))

    def add_sparse(self, name: str, params: Json) -> None:
        self._update(engine.UpdateOperation.create_sparse_vector(name, _modifier(params)))

    def drop_vector(self, name: str) -> None:
        self._update(engine.UpdateOperation.delete_vector_name(name))

    def put_index(self, field: str, entry: Json) -> None:
        self._update(engine.UpdateOperation.create_field_index(field, _index(entry)))

    def drop_index(self, field: str) -> None:
        self._update(engine.UpdateOperation.delete_field_index(field))

    def upsert(self, points: list[Json]) -> None:
        made = [engine.Point(p["id"], _vectors(p.get("vector") or {}), p.get("payload") or {}) for p in points]
        self._update(engine.UpdateOperation.upsert_points(made))

    def delete(self, ids: list[Any] | None, where: Json | None) -> None:
        if ids is not None:
            self._update(engine.UpdateOperation.delete_points(ids))
        else:
            self._update(engine.UpdateOperation.delete_points_by_filter(filters.to_engine(where or {})))

    def set_payload(self, payload: Json, ids: list[Any] | None, where: Json | None, key: str | None) -> None:
        if ids is not None:
            self._update(engine.UpdateOperation.set_payload(ids, payload, key))
        else:
            self._update(engine.UpdateOperation.set_payload_by_filter(filters.to_engine(where or {}), payload, key))

    def count(self, where: Json | None, exact: bool) -> int:
        return int(self._shard.count(engine.CountRequest(exact=exact, filter=filters.optional(where))))

    def scroll(self, request: Json) -> tuple[list[Json], Any]:
        found, following = self._shard.scroll(
            engine.ScrollRequest(
                offset=request.get("offset"),
                limit=request.get("limit") or 10,
                filter=filters.optional(request.get("filter")),
                with_payload=_default(request.get("with_payload"), default=True),
                with_vector=_wants_vector(request),
            )
        )
        return [_record(point) for point in found], following

    def retrieve(self, request: Json) -> list[Json]:
        with_payload = _default(request.get("with_payload"), default=True)
        found = self._shard.retrieve(request["ids"], with_payload, _wants_vector(request))
        return [_record(point) for point in found]

    def facet(self, request: Json) -> list[Json]:
        answer = self._shard.facet(
            engine.FacetRequest(
                request["key"],
                limit=request.get("limit") or 10,
                exact=bool(request.get("exact")),
                filter=filters.optional(request.get("filter")),
            )
        )
        return [{"value": hit.value, "count": hit.count} for hit in answer.hits]

    def query(self, request: Json) -> list[Json]:
        nearest = engine.Query.Nearest(_nearest_to(request["query"]), using=request.get("using") or "")
        with _refusals():
            found = self._shard.query(
                engine.QueryRequest(
                    limit=request.get("limit") or 10,
                    query=nearest,
                    filter=filters.optional(request.get("filter")),
                    with_payload=_default(request.get("with_payload"), default=False),
                    with_vector=_wants_vector(request),
                )
            )
        # The server counts the making of the collection as an operation, the engine begins at the first point.
        return [{**_record(point), "version": point.version + 1, "score": _single(point.score)} for point in found]

    def info(self) -> tuple[int, int, dict[str, int]]:
        """Points, indexed vectors, and points by indexed field."""
        info = self._shard.info()
        indexed = {field: entry.points for field, entry in info.payload_schema.items()}
        return info.points_count, info.indexed_vectors_count, indexed

    def _update(self, operation: engine.UpdateOperation) -> None:
        with _refusals():
            self._shard.update(operation)


@contextlib.contextmanager
def _refusals() -> Any:
    try:
        yield
    except ApiError:
        raise
    except Exception as error:
        raise wrong_input(str(error)) from error


def check_point(point: Json, dense: Json, sparse: Json) -> None:
    """Refuse a point whose vectors the collection does not have, or has with another size."""
    vectors = point.get("vector") or {}
    if isinstance(vectors, list):
        vectors = {"": vectors}
    for name, vector in vectors.items():
        if name in sparse:
            continue
        if name not in dense:
            raise unknown_vector(name)
        size = dense[name]["size"]
        rows = vector if dense[name].get("multivector_config") else [vector]
        for row in rows:
            if len(row) != size:
                place = f" for vector '{name}'" if name else ""
                raise wrong_input(f"Vector dimension error: expected dim: {size}, got {len(row)}{place}")


def _dense(params: Json) -> engine.EdgeVectorParams:
    return engine.EdgeVectorParams(
        params["size"],
        getattr(engine.Distance, params["distance"]),
        multivector_config=_MULTIVECTOR if params.get("multivector_config") else None,
        datatype=_DATATYPES[params.get("datatype", "float32")],
    )


def _sparse(params: Json) -> engine.EdgeSparseVectorParams:
    return engine.EdgeSparseVectorParams(modifier=_modifier(params))


def _modifier(params: Json) -> engine.Modifier | None:
    return engine.Modifier.Idf if params.get("modifier") == "idf" else None


def _index(entry: Json) -> Any:
    params = {name: value for name, value in entry.get("params", {}).items() if name != "type" and value is not None}
    if "tokenizer" in params:
        params["tokenizer"] = getattr(engine.TokenizerType, params["tokenizer"].capitalize())
    if "stopwords" in params:
        params["stopwords"] = _stopwords(params["stopwords"])
    if "stemmer" in params:
        language = getattr(engine.SnowballLanguage, params["stemmer"]["language"].capitalize())
        params["stemmer"] = engine.SnowballParams(language)
    return _PARAMS[entry["data_type"]](**params)


def _stopwords(value: str | Json) -> Any:
    parts = {"languages": [value]} if isinstance(value, str) else value
    languages = {getattr(engine.Language, name.capitalize()) for name in parts.get("languages") or []}
    return engine.StopwordsSet(languages=languages or None, custom=set(parts.get("custom") or []) or None)


def _nearest_to(query: Any) -> Any:
    wanted = query.get("nearest", query) if isinstance(query, dict) else query
    if not isinstance(wanted, list) and set(wanted) != {"indices", "values"}:
        raise ApiError(501, "Not served by the stand-in: queries other than for the nearest to a vector")
    return _vector(wanted)


def _vectors(value: Any) -> Any:
    return value if isinstance(value, list) else {name: _vector(vector) for name, vector in value.items()}


def _vector(value: Any) -> Any:
    return engine.SparseVector(value["indices"], value["values"]) if isinstance(value, dict) else value


def _record(point: Any) -> Json:
    record: Json = {"id": point.id if isinstance(point.id, int) else str(point.id)}
    if point.payload is not None:
        record["payload"] = point.payload
    if point.vector is not None:
        record["vector"] = _shown(point.vector)
    return record


def _shown(value: Any) -> Any:
    if isinstance(value, engine.SparseVector):
        return {"indices": value.indices, "values": value.values}
    return {name: _shown(vector) for name, vector in value.items()} if isinstance(value, dict) else value


def _single(value: float) -> float:
    """A single-precision number with as many digits as it has, not as many as a double would have."""
    return float(str(numpy.float32(value)))


def _default(value: Any, *, default: bool) -> Any:
    return default if value is None else value


def _wants_vector(request: Json) -> Any:
    return request.get("with_vector") or request.get("with_vectors") or False
