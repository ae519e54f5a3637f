"""The planner's table of collection parameters: what is changed, what waits, what stands in the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from namespace_operator.api.profile import CollectionParameters, SystemIndex
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import Adoption, NamespaceDocument, State, UnsupportedParameter
from namespace_operator.domain.observed import Collection, Observed
from namespace_operator.domain.parameters import Parameters
from namespace_operator.domain.planning import Context
from namespace_operator.domain.profiles import CollectionProfile
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    SERVER_VERSION,
    collection,
    context,
    document,
    observed,
    spec,
    subject,
    with_indexes,
)
from tests.unit.domain.plan_case import HAS_TEXT, WANTS_TEXT, Case

LIVE: Parameters = {
    "segment_number": 1,
    "shard_number": 1,
    "replication_factor": 1,
    "hnsw.m": 16,
    "quantization.type": "none",
    "quantization.always_ram": False,
    "strict_mode.enabled": False,
    "vectors.text.on_disk": False,
}


def wants(indexes: tuple[SystemIndex, ...] = tuple(SystemIndex), **parameters: Any) -> Context:
    """A tier that asks for these parameters."""
    asked = CollectionParameters.model_validate(parameters)
    return context(profile=CollectionProfile(asked, system_indexes=indexes))


def live(of: NamespaceDocument = HAS_TEXT, **changes: Any) -> Collection:
    """The collection with these live parameters changed; two underscores stand for a dot."""
    config = {**LIVE, **{name.replace("__", "."): value for name, value in changes.items()}}
    return collection(of, config=config)


def sees(of: NamespaceDocument = HAS_TEXT, found: Collection | None = None, **changes: Any) -> Observed:
    """Both stores, the collection with the parameters above."""
    return observed(of, found or live(of), **changes)


def remembers(**fields: Any) -> NamespaceDocument:
    """A document that remembers that the server did not take hnsw.m."""
    known = {"name": "hnsw.m", "wanted": 8, "made": 16, "server_version": SERVER_VERSION, **fields}
    return HAS_TEXT.model_copy(update={"unsupported_parameters": (UnsupportedParameter(**known),)})


_WHO = subject(WANTS_TEXT)
_M8 = wants(hnsw={"m": 8})
_UPDATE_M = ("UpdateCollection hnsw.m=8",)
_REJECTED = (Reason.PARAMETER_REJECTED,)
_ADOPTED = HAS_TEXT.model_copy(update={"adoption": Adoption()})
_BOTH = wants(hnsw={"m": 8}, replicationFactor=2)
_NEW = document(state=State.PROVISIONING, bound=False)
_OWN_M8 = CollectionProfile(
    CollectionParameters.model_validate({"hnsw": {"m": 8}, "segmentNumber": 7}),
    CollectionParameters.model_validate({"hnsw": {"m": 8}}),
)

PARAMETERS = (
    Case("as the packaged tier says", _WHO, sees()),
    Case("not looked at", _WHO, observed(HAS_TEXT), context=_M8),
    Case("another value", _WHO, sees(), _UPDATE_M, context=_M8),
    Case("set by hand", _WHO, sees(found=live(segment_number=4)), ("UpdateCollection segment_number=1",)),
    Case("what nobody asks for", _WHO, sees(found=live(hnsw__m=99, quantization__type="binary"))),
    Case(
        "vectors to disk",
        _WHO,
        sees(),
        ("UpdateCollection vectors.text.on_disk=True",),
        context=wants(onDiskVectors=True),
    ),
    Case(
        "quantization goes as a whole",
        _WHO,
        sees(found=live(quantization__type="scalar")),
        ("UpdateCollection quantization.always_ram=True quantization.type=scalar",),
        context=wants(quantization={"type": "scalar", "alwaysRam": True}),
    ),
    Case(
        "vectors and indexes come first",
        _WHO,
        sees(found=with_indexes(live(), bucket_id=None)),
        ("PutIndex bucket_id keyword",),
        context=_M8,
    ),
    Case(
        "another's turn",
        _WHO,
        sees(may_rebuild=False),
        context=_M8,
    ),
    Case(
        "another's turn, and what needs none",
        _WHO,
        sees(may_rebuild=False),
        ("UpdateCollection replication_factor=2",),
        context=_BOTH,
    ),
    Case(
        "what cannot change",
        _WHO,
        sees(),
        (),
        (Reason.IMMUTABLE_PARAMETER,),
        f"shardNumber of collection {NAMESPACE_ID} is 1, the tier or infrastructure.collection asks for 3",
        context=wants(shardNumber=3),
    ),
    Case(
        "what cannot change keeps nothing from changing",
        _WHO,
        sees(),
        _UPDATE_M,
        context=wants(shardNumber=3, hnsw={"m": 8}),
    ),
    Case(
        "dropped by the server",
        _WHO,
        sees(tried_parameters=frozenset({"hnsw.m=8"})),
        ("ReplaceDocument ready r8",),
        context=_M8,
    ),
    Case(
        "dropped, and remembered",
        _WHO,
        sees(remembers()),
        (),
        _REJECTED,
        "took hnsw.m: 8 for collection",
        context=_M8,
    ),
    Case("remembered of another version", _WHO, sees(remembers(server_version="1.17.0")), _UPDATE_M, context=_M8),
    Case("remembered of another live value", _WHO, sees(remembers(made=32)), _UPDATE_M, context=_M8),
    Case("remembered of another wish", _WHO, sees(remembers(wanted=4)), _UPDATE_M, context=_M8),
    Case("remembered and no longer so", _WHO, sees(remembers()), ("ReplaceDocument ready r8",)),
    Case(
        "refused by the server",
        _WHO,
        sees(rejected_parameters={"hnsw.m=8": "too few"}),
        ("ReplaceDocument ready r8",),
        context=_M8,
    ),
    Case(
        "refused, and remembered with its words",
        _WHO,
        sees(remembers(refusal="too few")),
        (),
        _REJECTED,
        f"hnsw.m: 8 was refused for collection {NAMESPACE_ID}: too few",
        context=_M8,
    ),
    Case("refused again in the same words", _WHO, sees(remembers(refusal="too few")), (), _REJECTED, context=_M8),
    Case("adopted: the tier does not count", _WHO, sees(_ADOPTED), context=_M8),
    Case("adopted: overrides count", _WHO, sees(_ADOPTED), _UPDATE_M, context=context(profile=_OWN_M8)),
    Case(
        "fewer system indexes for a new one",
        subject(spec()),
        observed(_NEW, collection=None),
        (f"CreateCollection {NAMESPACE_ID} []", "PutIndex document_id keyword"),
        context=wants((SystemIndex.DOCUMENT_ID,)),
    ),
    Case(
        "fewer system indexes drop none",
        _WHO,
        replace(sees(), server_version=SERVER_VERSION),
        context=wants((SystemIndex.DOCUMENT_ID,)),
    ),
)
