"""Which servers there are: of two objects that want the same thing the older has it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from namespace_operator.api.profile import CollectionParameters, ComputeTier, TierProfile
from namespace_operator.domain.cluster_reasons import ClusterReason
from namespace_operator.domain.endpoints import AllowedEndpoints, Endpoint, SecretKey
from namespace_operator.domain.landscape import ClusterObject, InvalidCluster, Survey, survey
from namespace_operator.domain.placement import DEFAULT, Organization, Ray, Site
from tests.unit.domain.clusters import EAST, cluster

PROFILE = TierProfile(collection=CollectionParameters(segment_number=2, shard_number=3), max_namespaces=10)
OPERATOR = Site(
    Endpoint(DEFAULT, "http://own:6333"), dict.fromkeys(ComputeTier, PROFILE), ray=Ray(template={"mine": True})
)
WEST = "iclstr_west"
ACME = Organization("acme", {"team": "a", "region": "eu"})


def surveyed(*clusters: ClusterObject) -> Survey:
    """What is found, whatever the order in which the objects came."""
    found = survey(clusters, OPERATOR, AllowedEndpoints())
    assert survey(clusters[::-1], OPERATOR, AllowedEndpoints()) == found
    return found


def reasons(found: Survey) -> dict[str, list[ClusterReason]]:
    """The reasons by object."""
    return {name: [finding.reason for finding in findings] for name, findings in found.findings.items()}


def test_nothing_but_the_operators_own() -> None:
    found = surveyed()
    assert found.landscape.operator == OPERATOR
    assert found.landscape.clusters == {}
    assert found.findings == {}


def test_the_connection_is_as_the_object_says() -> None:
    ref = {"namespace": "platform", "name": "qdrant", "key": "api-key"}
    qdrant = {
        "url": "https://east:6333",
        "apiKeySecretRef": ref,
        "caSecretRef": ref | {"key": "ca"},
        "requestTimeoutSeconds": 7,
        "maxConcurrentRequests": 5,
    }
    site = surveyed(cluster(qdrant=qdrant)).landscape.clusters[EAST]
    secret = SecretKey("platform", "qdrant", "api-key")
    assert site.endpoint == Endpoint(EAST, "https://east:6333", secret, replace(secret, key="ca"), 7, 5)
    plain = surveyed(cluster()).landscape.clusters[EAST]
    assert plain.endpoint == Endpoint(EAST, "http://east:6333")
    assert plain.ray == Ray()


def test_absent_tiers_are_the_operators() -> None:
    assert surveyed(cluster()).landscape.clusters[EAST].tiers == OPERATOR.tiers


def test_a_tier_overlays_single_values() -> None:
    tiers = [{"name": "shared", "collection": {"shardNumber": 6}}]
    served = surveyed(cluster(tiers=tiers)).landscape.clusters[EAST].tiers
    assert served == {
        ComputeTier.SHARED: TierProfile(
            collection=CollectionParameters(segment_number=2, shard_number=6), max_namespaces=10
        )
    }


def test_the_oldest_has_the_cluster_id() -> None:
    found = surveyed(cluster("young"), cluster("old", age=5), cluster("middle", age=2))
    assert found.landscape.clusters[EAST].endpoint.url == "http://old:6333"
    assert reasons(found) == {name: [ClusterReason.CLUSTER_ID_CONFLICT] for name in ("young", "middle")}
    assert "InfrastructureCluster old" in found.findings["young"][0].message


def test_of_two_of_the_same_second_one_has_it_for_good() -> None:
    assert surveyed(cluster("b"), cluster("a")).landscape.clusters[EAST].endpoint.url == "http://a:6333"


def test_an_invalid_one_serves_nobody_and_keeps_its_cluster_id() -> None:
    broken = replace(cluster("old", age=5), spec=InvalidCluster("spec.qdrant.url: wrong", EAST))
    found = surveyed(cluster("young"), broken)
    assert found.landscape.clusters == {}
    assert reasons(found) == {"old": [ClusterReason.INVALID_SPEC], "young": [ClusterReason.CLUSTER_ID_CONFLICT]}
    assert found.findings["old"][0].message == "spec.qdrant.url: wrong"
    nameless = replace(broken, spec=InvalidCluster("spec.clusterId: missing"))
    assert set(surveyed(cluster("young"), nameless).landscape.clusters) == {EAST}


@pytest.mark.parametrize("finalized", [True, False])
def test_one_being_deleted_is_there_while_its_finalizer_is_and_no_default(finalized: bool) -> None:
    found = surveyed(cluster(deleting=True, finalized=finalized, default=True))
    assert set(found.landscape.clusters) == ({EAST} if finalized else set())
    assert found.landscape.default_for(ACME) == OPERATOR


NAMED = {"names": ["acme", "zoo"]}
OTHERS = {"names": ["zoo", "bar"]}
LABELLED = {"namespaceSelector": {"matchLabels": {"team": "a"}}}
NARROWER = {"namespaceSelector": {"matchLabels": {"team": "a", "region": "eu"}}}
ELSEWHERE = {"namespaceSelector": {"matchLabels": {"team": "b"}}}


@pytest.mark.parametrize(
    ("old", "young", "both", "of_acme"),
    [
        (None, None, "everybody", EAST),
        (NAMED, None, None, EAST),
        (None, NAMED, None, WEST),
        (NAMED, OTHERS, "organization zoo", EAST),
        (OTHERS, NAMED, "organization zoo", WEST),
        (NAMED, {"names": ["bar"]}, None, EAST),
        (LABELLED, LABELLED, "labels", EAST),
        (LABELLED, NARROWER, "labels", EAST),
        (NARROWER, LABELLED, "labels", EAST),
        (ELSEWHERE, LABELLED, None, WEST),
        (NAMED, LABELLED, None, EAST),
    ],
)
def test_defaults(old: dict[str, Any] | None, young: dict[str, Any] | None, both: str | None, of_acme: str) -> None:
    first = cluster("old", age=5, default=True, allowedOrganizations=old)
    second = cluster("young", WEST, default=True, allowedOrganizations=young)
    found = surveyed(first, second)
    assert reasons(found) == ({"young": [ClusterReason.DEFAULT_CONFLICT]} if both else {})
    if both:
        assert both in found.findings["young"][0].message
    assert found.landscape.default_for(ACME).name == of_acme


def test_a_default_that_is_not_one_any_more_conflicts_with_nobody() -> None:
    going = cluster("old", age=5, default=True, deleting=True)
    found = surveyed(going, cluster("young", WEST, default=True))
    assert found.findings == {}
    assert found.landscape.default_for(ACME).name == WEST
