"""Custom resources for data that is there already: from namespace documents, and from collections in Qdrant.

What cannot be said in a custom resource is left out and told. Adopting what comes of this adds to a collection, and
changes nothing that is in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from namespace_operator.api.annotations import ADOPT, TAKE_OVER, Adoption
from namespace_operator.api.base import field_errors
from namespace_operator.api.names import (
    COLLECTION_MAX,
    COLLECTION_MIN,
    COLLECTION_PATTERN,
    ID_PREFIX,
    MINTED_ID_PATTERN,
    NAMESPACE_ID_PATTERN,
    PROTECTED_FIELDS,
    is_field_path,
    is_namespace_name,
    is_reserved_field,
)
from namespace_operator.api.payload_index import FieldSchema
from namespace_operator.api.resource import API_VERSION, KIND
from namespace_operator.api.spec import Mode, NamespaceSpec, NamespaceType, Scope, VectorConfig
from namespace_operator.api.vectors import Metric
from namespace_operator.domain.catalog import Catalog, CatalogExtractor, InvalidParams
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.indexes import SYSTEM_INDEXES, IndexSchema, canonical, to_resource, wanted_schema
from namespace_operator.domain.observed import Collection
from namespace_operator.domain.vectors import NamedVector, VectorKind

_NAME_MAX = 63
_OF_A_NAME = re.compile(r"[^a-z0-9-]+")
_MORE_NAMED = 3

Raw = Mapping[str, Any]
Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exported:
    """A custom resource, and what to know before it is applied."""

    manifest: dict[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Kubernetes namespace and name."""
        metadata = self.manifest["metadata"]
        return f"{metadata['namespace']}/{metadata['name']}"


def resource_name(text: str) -> str:
    """A text as the name of an object."""
    return _OF_A_NAME.sub("-", text.lower()).strip("-")[:_NAME_MAX].strip("-") or "namespace"


def from_document(document: NamespaceDocument, instance_id: str, k8s_namespace_uid: str | None) -> Exported:
    """The custom resource of a namespace that an operator manages or managed.

    In the same Kubernetes namespace of the same operator it finds its data by its name; elsewhere it has to take it
    over. ``k8s_namespace_uid`` is that of the Kubernetes namespace now, None where there is none.
    """
    owner, warnings = document.owner, []
    annotations = {}
    if (owner.instance_id, owner.k8s_namespace_uid) != (instance_id, k8s_namespace_uid):
        annotations[TAKE_OVER] = document.namespace_id
        warnings.append(
            f"{TAKE_OVER} needs the verb take-over: the data belongs to another operator or an earlier"
            f" Kubernetes namespace {owner.organization}"
        )
    if document.adoption is not None:
        annotations[ADOPT] = Adoption.KEEP.value
    spec: Spec = {}
    if document.namespace_name != owner.cr_name:
        spec["namespaceName"] = document.namespace_name
    spec |= _described(document.description, document.mode, document.namespace_type, document.scope)
    spec["featureExtractors"] = [
        _extractor(e.feature_extractor_name, e.version, e.params) for e in document.feature_extractors
    ]
    configs, problems = vector_configs(document.vector_configs)
    spec["vectorConfigs"] = configs
    indexes, more = payload_indexes(
        {index.field_name: index.field_schema for index in document.payload_indexes},
        protected={index.field_name for index in document.payload_indexes if index.is_protected},
    )
    spec["payloadIndexes"] = indexes
    if document.auto_create_indexes:
        spec["autoCreateIndexes"] = True
    spec |= _placed(document)
    if document.expires_at is not None:
        warnings.append(
            f"it expires at {document.expires_at:%Y-%m-%dT%H:%M:%SZ}: set ttlSeconds as it was, or it no longer does"
        )
    warnings.append("deletionPolicy is not known to the stores: absent it is Retain")
    return _exported(owner.organization, owner.cr_name, annotations, spec, (*warnings, *problems, *more))


def _placed(document: NamespaceDocument) -> Spec:
    """Where it lives, and what the job services know of it."""
    infrastructure: Spec = {}
    known = document.infrastructure
    if known is not None:
        said = known.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        said.pop("cluster_id", None)
        if said.get("s3_plugin_prefix") == f"{document.namespace_id}/":
            del said["s3_plugin_prefix"]
        # What is in force is that of a RayCluster, too.
        said.pop("ray_head_node_url", None)
        said.pop("ray_dashboard_url", None)
        infrastructure = {_camel(name): value for name, value in said.items()}
    if document.collection != document.namespace_id:
        infrastructure["qdrantCollection"] = document.collection
    if document.sharing:
        infrastructure["sharing"] = True
    placed: Spec = {"infrastructure": infrastructure} if infrastructure else {}
    binding = document.binding
    if binding is not None and binding.url is None:
        placed["clusterId"] = binding.connection
    elif binding is not None:
        reference = {"name": binding.secret_name, "key": binding.secret_key}
        own = {"qdrantUrl": binding.url, "qdrantApiKeySecretRef": reference}
        placed["infrastructure"] = {**infrastructure, **own}
    return placed


def from_foreign(
    raw: Raw, collection: Collection | None, namespace: str, catalog: Catalog, adoption: Adoption
) -> Exported | str:
    """The custom resource for a namespace document that no operator wrote; a text says why there is none."""
    namespace_id = raw.get("namespace_id") or raw.get("_id")
    if not isinstance(namespace_id, str) or not re.fullmatch(NAMESPACE_ID_PATTERN, namespace_id):
        return f"document {raw.get('_id')}: namespace_id {namespace_id!r} is no id of a namespace"
    if collection is None:
        return f"{namespace_id}: Qdrant has no collection of it"
    given = raw.get("namespace_name")
    name = given if isinstance(given, str) and is_namespace_name(given) else namespace_id
    made = from_collection(collection, namespace, catalog, adoption, name=name)
    if isinstance(made, str):
        return made
    warnings = [f"spec.namespaceId needs the verb set-id; it keeps the id {namespace_id}"]
    if raw.get("_id") == namespace_id:
        warnings.append(
            f"MongoDB has a document with _id {namespace_id} that is no operator's: have the operator use another"
            " database (mongodb.database), or rename that collection, before this is applied"
        )
    spec = dict(made.manifest["spec"])
    spec["namespaceId"] = namespace_id
    if isinstance(raw.get("description"), str) and raw["description"]:
        spec["description"] = raw["description"][:500]
    extractors, problems = _told_extractors(raw, collection, catalog)
    if extractors:
        vectors = {vector for extractor in extractors for vector in _vectors_of(extractor, catalog)}
        spec["featureExtractors"] = extractors
        spec.pop("vectorConfigs", None)
        spec.pop("mode", None)
        unsaid = sorted(collection.vectors.keys() - vectors)
        problems += [f"vector {each} is of no listed extractor; it stays as it is" for each in unsaid]
    kept = [warning for warning in made.warnings if "set-id" not in warning]
    kept = [warning for warning in kept if not extractors or "vector" not in warning]
    manifest = {**made.manifest, "spec": _in_order(spec)}
    return _checked(Exported(manifest, (*warnings, *kept, *problems)))


def _told_extractors(raw: Raw, collection: Collection, catalog: Catalog) -> tuple[list[Spec], list[str]]:
    """The extractors that the document lists, where the catalog has them and the vectors fit."""
    listed: list[Spec] = []
    problems: list[str] = []
    for each in raw.get("feature_extractors") or ():
        if not isinstance(each, Mapping):
            continue
        name, version = each.get("feature_extractor_name"), each.get("version")
        entry = catalog.find(str(name), str(version))
        params = each.get("params") or None
        if entry is None:
            problems.append(f"extractor {name} {version} is not in the catalog and is left out")
            continue
        try:
            vectors = entry.resolve(params)
        except InvalidParams as error:
            problems.append(f"params of {name} {version}: {error}; they are left out")
            params, vectors = None, entry.vectors
        if any(not _has(collection, vector) for vector in vectors):
            problems.append(f"extractor {name} {version} does not fit the vectors of {collection.name} and is left out")
            continue
        listed.append(_extractor(entry.name, entry.version, params))
    return listed, problems


def _vectors_of(extractor: Spec, catalog: Catalog) -> frozenset[str]:
    entry = catalog.find(extractor["featureExtractorName"], extractor["version"])
    return frozenset(vector.name for vector in entry.vectors) if entry else frozenset()


def from_collection(
    collection: Collection, namespace: str, catalog: Catalog, adoption: Adoption, name: str | None = None
) -> Exported | str:
    """The custom resource that adopts a collection of somebody's; a text says why it cannot."""
    problem = unadoptable(collection)
    if problem is not None:
        return problem
    wanted = name or collection.name
    guesses = guess_extractors(collection.vectors, catalog)
    spec: Spec = {}
    metadata_name = resource_name(wanted)
    if is_namespace_name(wanted) and wanted != metadata_name and not wanted.startswith(ID_PREFIX):
        spec["namespaceName"] = wanted
    warnings = [f"{ADOPT} needs the verb adopt"]
    if guesses.extractors:
        spec["featureExtractors"] = [*guesses.extractors]
        warnings += guesses.warnings
        warnings += [f"vector {each or '(unnamed)'} is of no extractor; it stays as it is" for each in guesses.left]
    elif collection.vectors:
        configs, problems = vector_configs(collection.vectors.values())
        spec |= {"mode": Mode.STANDALONE.value, "vectorConfigs": configs}
        warnings += problems
    indexes, problems = payload_indexes({name: live.schema for name, live in sorted(collection.indexes.items())})
    spec["payloadIndexes"] = indexes
    spec["infrastructure"] = {"qdrantCollection": collection.name}
    if re.fullmatch(MINTED_ID_PATTERN, collection.name):
        spec["namespaceId"] = collection.name
        warnings.append("spec.namespaceId needs the verb set-id; a collection of this name is kept for that id")
    return _checked(_exported(namespace, metadata_name, {ADOPT: adoption.value}, spec, (*warnings, *problems)))


def unadoptable(collection: Collection) -> str | None:
    """Why a collection cannot be adopted."""
    name = collection.name
    if collection.mark is not None:
        owner = f"{collection.mark.organization}/{', '.join(sorted(collection.mark.members.values())) or '?'}"
        return f"{name}: it carries the mark of {owner} already; see namespace-operator orphans"
    fits = COLLECTION_MIN <= len(name) <= COLLECTION_MAX and re.fullmatch(COLLECTION_PATTERN, name)
    return (
        None
        if fits
        else f"{name}: qdrantCollection takes {COLLECTION_MIN}-{COLLECTION_MAX} letters, digits, _, - or dots"
    )


@dataclass(frozen=True, slots=True)
class Guesses:
    """Extractors that fill vectors like these, what is uncertain about them, and the vectors of none."""

    extractors: tuple[Spec, ...]
    warnings: tuple[str, ...]
    left: tuple[str, ...]


def guess_extractors(vectors: Mapping[str, NamedVector], catalog: Catalog) -> Guesses:
    """The fewest extractors of the catalog that explain the vectors, each with the params that fit."""
    fitting = [(entry, params) for entry in catalog.extractors if (params := _fitting(entry, vectors))]
    covered: set[str] = set()
    chosen: list[Spec] = []
    warnings: list[str] = []
    for entry, params in sorted(fitting, key=lambda each: (-len(each[0].vectors), each[0].feature_extractor_id)):
        names = {vector.name for vector in entry.vectors}
        if names <= covered:
            continue
        covered |= names
        chosen.append(_extractor(entry.name, entry.version, params[0]))
        others = [other.feature_extractor_id for other, _ in fitting if other is not entry and _same(other, entry)]
        if others:
            warnings.append(f"{entry.feature_extractor_id}: its vectors could as well be of {', '.join(others)}")
        if len(params) > 1:
            some = "; ".join(str(each or "none") for each in params[1 : 1 + _MORE_NAMED])
            same = f"{entry.feature_extractor_id}: other params give the same vectors ({some})"
            warnings.append(f"{same}; they are locked once applied")
    return Guesses(tuple(chosen), tuple(warnings), tuple(sorted(vectors.keys() - covered)))


def _same(one: CatalogExtractor, other: CatalogExtractor) -> bool:
    return {vector.name for vector in one.vectors} == {vector.name for vector in other.vectors}


def _fitting(entry: CatalogExtractor, vectors: Mapping[str, NamedVector]) -> list[Spec | None]:
    """Every choice of at most one param with which the extractor fills vectors like these, the default first."""
    if not entry.vectors or any(vector.name not in vectors for vector in entry.vectors):
        return []
    choices: list[Spec | None] = [None]
    for parameter in entry.parameters:
        size = vectors[parameter.vector].size
        values = parameter.extremes() if parameter.choices is not None else (size,)
        choices += [{parameter.name: value} for value in values]
    found: list[Spec | None] = []
    for params in choices:
        try:
            resolved = entry.resolve(params)
        except (InvalidParams, ValidationError):
            continue
        if all(_is(vectors[vector.name], vector) for vector in resolved):
            found.append(params)
    return found


def _has(collection: Collection, vector: NamedVector) -> bool:
    live = collection.vectors.get(vector.name)
    return live is not None and _is(live, vector)


def _is(live: NamedVector, wanted: NamedVector) -> bool:
    return live.describe() == wanted.describe()


def vector_configs(vectors: Iterable[NamedVector]) -> tuple[list[Spec], list[str]]:
    """Vectors as a standalone namespace declares them, and those that it cannot."""
    configs: list[Spec] = []
    problems: list[str] = []
    for vector in vectors:
        config: Spec = {"name": vector.name}
        if vector.kind is not VectorKind.DENSE:
            config["kind"] = vector.kind.value
        if vector.size is not None:
            config["dimension"] = vector.size
        if vector.distance not in (None, Metric.COSINE.value):
            config["metric"] = vector.distance
        plain = vector.datatype == "float32" and vector.modifier is None
        if not plain or not _is_valid(VectorConfig, config):
            problems.append(
                f"vector {vector.name or '(unnamed)'} ({vector.describe()}) cannot be declared; it stays as it is"
            )
            continue
        configs.append(config)
    return configs, problems


def payload_indexes(
    schemas: Mapping[str, IndexSchema], protected: frozenset[str] | set[str] = frozenset()
) -> tuple[list[Spec], list[str]]:
    """Indexes as the spec declares them, without the system's, and those that it cannot."""
    declared: list[Spec] = []
    problems: list[str] = []
    for name, schema in schemas.items():
        if name in SYSTEM_INDEXES or name in PROTECTED_FIELDS or is_reserved_field(name):
            continue
        if not is_field_path(name) or not _says_the_same(schema):
            problems.append(f"the index on {name} ({dict(schema)}) cannot be declared; it stays as it is")
            continue
        entry: Spec = {"fieldName": name}
        entry |= {"type": schema["type"]} if set(schema) == {"type"} else {"fieldSchema": to_resource(schema)}
        if name in protected:
            entry["isProtected"] = True
        declared.append(entry)
    return declared, problems


def _says_the_same(schema: IndexSchema) -> bool:
    """Whether the schema, declared, asks for the index that is there."""
    try:
        return wanted_schema(FieldSchema.model_validate(to_resource(schema))) == canonical(schema)
    except ValidationError:
        return False


def _is_valid(model: type[VectorConfig], config: Spec) -> bool:
    try:
        model.model_validate(config)
    except ValidationError:
        return False
    return True


def _extractor(name: str, version: str, params: Raw | None) -> Spec:
    entry: Spec = {"featureExtractorName": name, "version": version}
    return {**entry, "params": dict(params)} if params else entry


def _described(description: str | None, mode: Mode, kind: NamespaceType, scope: Scope) -> Spec:
    said: Spec = {"description": description} if description else {}
    said |= {"mode": mode.value} if mode is not Mode.MANAGED else {}
    said |= {"namespaceType": kind.value} if kind is not NamespaceType.STANDARD else {}
    return said | ({"scope": scope.value} if scope is not Scope.ORG else {})


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _in_order(spec: Spec) -> Spec:
    order = [field.alias or name for name, field in NamespaceSpec.model_fields.items()]
    return {name: spec[name] for name in order if spec.get(name) not in (None, [], {})}


def _exported(
    namespace: str, name: str, annotations: Mapping[str, str], spec: Spec, warnings: Sequence[str]
) -> Exported:
    metadata = {"name": name, "namespace": namespace, **({"annotations": dict(annotations)} if annotations else {})}
    manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": _in_order(spec)}
    return Exported(manifest, tuple(warnings))


def _checked(exported: Exported) -> Exported:
    """The same, with what the API server would refuse among the warnings."""
    try:
        NamespaceSpec.model_validate(exported.manifest["spec"])
    except ValidationError as error:
        problems = tuple(f"the API server will refuse spec.{problem}" for problem in field_errors(error))
        return Exported(exported.manifest, (*exported.warnings, *problems))
    return exported
