"""The planner's tables of names: who holds one, and rings of namespaces that each ask for the next one's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import MalformedDocument, NamespaceDocument, State
from namespace_operator.domain.identity import Key, collection_claim, name_claim, resource_claim
from namespace_operator.domain.observed import Observed
from tests.unit.domain.builders import (
    INSTANCE,
    NAMESPACE_ID,
    ORGANIZATION,
    another_document,
    claims,
    collection,
    document,
    index,
    observed,
    owner,
    spec,
    subject,
    with_indexes,
)
from tests.unit.domain.plan_case import DELETES, HAS_BRAND, Case

CONFLICT = (Reason.NAME_CONFLICT,)


def held_by(**changes: Any) -> Observed:
    """Nothing of ours, and the wanted name held by another document."""
    return Observed(name_chain=(another_document(**changes),))


CONFLICTS = (
    Case(
        "new under a name that is held",
        subject(DELETES),
        held_by(),
        reasons=CONFLICT,
        says="namespaceName films is held by ns_9876543210 (Namespace acme/series); choose another",
    ),
    Case(
        "new under a name of retained data",
        subject(),
        held_by(state=State.RETAINED),
        reasons=CONFLICT,
        says="(Namespace acme/series, retained: its Namespace is gone)",
    ),
    Case(
        "new under a name that is being deleted",
        subject(),
        held_by(state=State.DELETING),
        reasons=CONFLICT,
        says="(Namespace acme/series, being deleted)",
    ),
    Case(
        "new under a name a malformed document holds",
        subject(),
        Observed(name_chain=(MalformedDocument("x", "state: bad"),)),
        reasons=CONFLICT,
        says="held by the malformed document x (state: bad), which must be repaired first",
    ),
    Case(
        "new under a name that a namespace of another organization holds by a claim edited by hand",
        subject(),
        held_by(owner=owner(organization="rivals")),
        reasons=CONFLICT,
        says="held by a namespace of another organization; choose",
    ),
    Case(
        "renamed to a name that is held keeps its own and asks for the other",
        subject(spec(namespaceName="series")),
        observed(document(), name_chain=(another_document(),)),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "renamed to a name that is held, and it is written that it is asked for",
        subject(spec(namespaceName="series")),
        observed(document(requested_name="series"), name_chain=(another_document(),)),
        reasons=CONFLICT,
    ),
    Case(
        "renamed to a name that is held: the rest is done",
        subject(spec(namespaceName="series", payloadIndexes=[index("brand")])),
        observed(
            HAS_BRAND.model_copy(update={"requested_name": "series"}),
            with_indexes(collection(HAS_BRAND), brand=None),
            name_chain=(another_document(),),
        ),
        ("PutIndex brand keyword",),
    ),
    Case(
        "renamed to a free name",
        subject(spec(namespaceName="movies")),
        observed(document()),
        ("ReplaceDocument ready r8 named movies",),
    ),
    Case(
        "a request that was granted or taken back is forgotten",
        subject(),
        observed(document(requested_name="series")),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "retained, and its name was taken meanwhile",
        subject(uid="cr-uid-new"),
        observed(
            document(state=State.RETAINED, claims=claims(None)),
            name_chain=(another_document(namespace_name="films"),),
        ),
        reasons=CONFLICT,
    ),
    Case(
        "in conflict, the finalizer is put on an object that has data",
        subject(spec(namespaceName="series", deletionPolicy="Delete")),
        observed(document(requested_name="series"), name_chain=(another_document(),)),
        ("AddFinalizer",),
    ),
)


def member(number: int, name: str, asks_for: str | None, **changes: Any) -> NamespaceDocument:
    """A namespace of the same organization whose id is greater than that of ``document()``, unless changed."""
    namespace_id = changes.pop("namespace_id", f"ns_{number}000000000")
    key = Key(ORGANIZATION, f"cr-{number}")
    others = {
        "namespace_id": namespace_id,
        "namespace_name": name,
        "requested_name": asks_for,
        "owner": owner(cr_name=key.name, cr_uid=f"cr-uid-{number}"),
        "claims": (
            resource_claim(INSTANCE, key),
            name_claim(INSTANCE, ORGANIZATION, name),
            collection_claim(namespace_id),
        ),
        "collection": namespace_id,
    }
    return document().model_copy(update=others | changes)


SMALLER = "ns_0000000000"
MINE = document(requested_name="bbb")
"""Called ``films``, asks for ``bbb``."""
WANTS_BBB = subject(spec(namespaceName="bbb"))
ASIDE = f"ReplaceDocument ready r8 named {NAMESPACE_ID}"


def ring(*chain: NamespaceDocument | MalformedDocument) -> Observed:
    """Our document and the chain that begins with the holder of ``bbb``."""
    return observed(MINE, name_chain=chain)


def line(length: int) -> Iterator[NamespaceDocument]:
    """So many others, the first of them called ``bbb``, the last one asking for ``films``."""
    names = ["bbb", *(f"name-{number}" for number in range(2, length + 1)), "films"]
    yield from (member(number, *pair) for number, pair in enumerate(pairwise(names), start=1))


RINGS = (
    Case("two swap: the smallest id steps aside", WANTS_BBB, ring(member(1, "bbb", "films")), (ASIDE,)),
    Case(
        "two swap: the other one waits",
        WANTS_BBB,
        ring(member(1, "bbb", "films", namespace_id=SMALLER)),
        reasons=CONFLICT,
    ),
    Case("three in a ring", WANTS_BBB, ring(member(1, "bbb", "ccc"), member(2, "ccc", "films")), (ASIDE,)),
    Case(
        "three in a ring, not the smallest",
        WANTS_BBB,
        ring(member(1, "bbb", "ccc"), member(2, "ccc", "films", namespace_id=SMALLER)),
        reasons=CONFLICT,
    ),
    Case(
        "a chain that ends elsewhere is no ring",
        WANTS_BBB,
        ring(member(1, "bbb", "ccc"), member(2, "ccc", "ddd")),
        reasons=CONFLICT,
    ),
    Case("a chain whose end asks for nothing", WANTS_BBB, ring(member(1, "bbb", None)), reasons=CONFLICT),
    Case(
        "a ring further on, without us",
        WANTS_BBB,
        ring(member(1, "bbb", "ccc"), member(2, "ccc", "bbb")),
        reasons=CONFLICT,
    ),
    *(
        Case(
            f"nobody of a {state} namespace will ever move on",
            WANTS_BBB,
            ring(member(1, "bbb", "ccc", state=state), member(2, "ccc", "films")),
            reasons=CONFLICT,
        )
        for state in (State.RETAINED, State.DELETING)
    ),
    Case(
        "a malformed document in between",
        WANTS_BBB,
        ring(member(1, "bbb", "ccc"), MalformedDocument("x", "state: bad")),
        reasons=CONFLICT,
    ),
    Case(
        "the longest ring that is resolved",
        WANTS_BBB,
        ring(*line(8)),
        (ASIDE,),
    ),
    Case(
        "a longer one is not",
        WANTS_BBB,
        ring(*line(9)),
        reasons=CONFLICT,
    ),
    Case(
        "who stepped aside waits under his id",
        WANTS_BBB,
        observed(
            document(requested_name="bbb", namespace_name=NAMESPACE_ID, claims=claims(NAMESPACE_ID)),
            name_chain=(member(1, "bbb", "films"),),
        ),
        reasons=CONFLICT,
    ),
    Case(
        "who stepped aside takes the name once it is free",
        WANTS_BBB,
        observed(document(requested_name="bbb", namespace_name=NAMESPACE_ID, claims=claims(NAMESPACE_ID))),
        ("ReplaceDocument ready r8 named bbb",),
    ),
)
