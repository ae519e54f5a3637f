"""From a past release to this one, with Namespaces that live: none leaves Ready, and the stores are left alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import pytest
from kubernetes import watch
from kubernetes.client.exceptions import ApiException
from qdrant_client import models
from urllib3.exceptions import HTTPError

from devstack.proxy import HoldingProxy
from devstack.release import RELEASE, RELEASE_NAMESPACE, install, merged
from devstack.stack import Stack
from namespace_operator.api.names import MARKER_COLLECTION
from namespace_operator.api.resource import GROUP, PLURAL, VERSION
from tests.integration.clusters import PLACE, Clusters
from tests.integration.past import BEFORE_TWO_REPLICAS, FIRST, PastRelease, unpack
from tests.integration.support import Object, Organization, Platform, condition, eventually

RESYNC_SECONDS = 3
OFTEN = {"resyncIntervalSeconds": RESYNC_SECONDS, "sweepIntervalSeconds": RESYNC_SECONDS}

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
IMAGE = {"featureExtractorName": "image_extractor", "version": "v1"}
PRICE = {"fieldName": "price", "type": "float"}
TITLE = {"fieldName": "title", "fieldSchema": {"type": "text", "tokenizer": "word", "minTokenLen": 2}}

OWN: dict[str, Object] = {
    "plain": {},
    "kept": {"featureExtractors": [TEXT], "deletionPolicy": "Retain"},
    "removable": {"featureExtractors": [TEXT, IMAGE], "payloadIndexes": [PRICE, TITLE], "deletionPolicy": "Delete"},
    "named": {"namespaceName": "my_films", "description": "Films", "featureExtractors": [IMAGE]},
}
SHARED = {"computeTier": "shared", "qdrantCollection": "catalogue", "sharing": True}
LATER: dict[str, Object] = {
    "member": {"featureExtractors": [TEXT], "payloadIndexes": [PRICE], "infrastructure": SHARED},
    "other-member": {"featureExtractors": [TEXT], "infrastructure": SHARED, "deletionPolicy": "Delete"},
    "dedicated": {
        "featureExtractors": [TEXT],
        "clusterId": "iclstr_dedicated",
        "infrastructure": {"computeTier": "dedicated_cpu"},
    },
    "from-use": {"featureExtractors": [TEXT], "autoCreateIndexes": True},
    "passing": {"featureExtractors": [TEXT], "ttlSeconds": 86400},
}
"""What only releases with these features know."""

SPECS = {FIRST: OWN, BEFORE_TWO_REPLICAS: OWN | LATER}

NEW_IN_STATUS: dict[PastRelease, tuple[set[str], set[str]]] = {
    FIRST: ({"autoIndexes", "infrastructure"}, {"InfrastructureReady"}),
    BEFORE_TWO_REPLICAS: (set(), set()),
}
"""Fields and conditions that a release's status had not: where each Namespace lives, and its indexes from use."""

NEW_COLLECTIONS = {FIRST: [MARKER_COLLECTION], BEFORE_TWO_REPLICAS: []}
"""The first release left no marker on its Qdrant server, by which a replaced one is told."""

NEW_RECORDS = {FIRST: {"servers"}, BEFORE_TWO_REPLICAS: set()}
"""And so no record of the server and of the cluster in MongoDB."""

READS = {"get", "list", "watch"}

# The client's functions are not typed to the objects they carry.
new_watch: Any = watch.Watch


@dataclass(frozen=True)
class Snapshot:
    """What there is at one moment: custom resources, documents and collections."""

    objects: Mapping[str, Object]
    documents: Mapping[str, Object]
    collections: Mapping[str, Object]

    @classmethod
    def take(cls, platform: Platform, organization: Organization) -> Self:
        """Read all."""
        listed = platform.objects.list_namespaced_custom_object(GROUP, VERSION, organization.name, PLURAL)
        documents = {
            f"{name}/{document['_id']}": document
            for name in platform.database.list_collection_names(filter={"name": {"$not": {"$regex": "^system"}}})
            for document in platform.database[name].find()
        }
        collections = {
            found.name: platform.qdrant.get_collection(found.name).model_dump()
            for found in platform.qdrant.get_collections().collections
        }
        return cls(
            {found["metadata"]["name"]: found for found in listed["items"]},
            documents,
            collections,
        )


@dataclass
class Recorder:
    """The operator's requests to Qdrant, seen in the proxy on its way there."""

    seen: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, method: str, path: str) -> bool:
        self.seen.append((method, path))
        return False

    def written(self) -> list[str]:
        """Those that write."""
        reads = ("/points/count", "/points/scroll", "/points/query", "/facet")
        return [f"{method} {path}" for method, path in self.seen if method != "GET" and not path.endswith(reads)]


@dataclass(frozen=True)
class Upgraded:
    """A past release with its Namespaces, and what became of them under this one."""

    release: PastRelease
    platform: Platform
    organization: Organization
    before: Snapshot
    after: Snapshot
    events: list[Object]
    crews: list[frozenset[str]]
    requests: list[Object]
    qdrant_writes: list[str]
    mongodb_writes: list[Object]


@dataclass
class Watcher:
    """Every version of every Namespace that the API server tells of, as an informer follows them; and who works when.

    ``crews`` has whether past and present operators run, each time that this is another than before.
    """

    platform: Platform
    events: list[Object] = field(default_factory=list)
    crews: list[frozenset[str]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._follow, self._muster)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(10.0)

    def _muster(self) -> None:
        while not self._over.wait(0.05):
            pods = self.platform.core.list_namespaced_pod(RELEASE_NAMESPACE).items
            crew = frozenset(_age(pod) for pod in pods if _runs(pod))
            if [crew] != self.crews[-1:]:
                self.crews.append(crew)

    def _follow(self) -> None:
        listing = self.platform.objects.list_cluster_custom_object
        while not self._over.is_set():
            listed = listing(GROUP, VERSION, PLURAL)
            self.events.extend(listed["items"])
            since = listed["metadata"]["resourceVersion"]
            # A definition that changes ends its watches, and what it has no history of is listed again.
            with suppress(ApiException, HTTPError):
                for event in new_watch().stream(
                    listing, GROUP, VERSION, PLURAL, resource_version=since, timeout_seconds=2
                ):
                    self.events.append(event["raw_object"])


def _age(pod: Any) -> str:
    variables = {variable.name for variable in pod.spec.containers[0].env}
    return "past" if "PYTHONPATH" in variables else "present"


def _runs(pod: Any) -> bool:
    return any(status.state.running for status in pod.status.container_statuses or ())


@pytest.fixture(scope="module", params=SPECS, ids=lambda release: release.name)
def upgraded(request: pytest.FixtureRequest) -> Iterator[Upgraded]:
    """A stack of its own, on which a past release was installed, used and upgraded."""
    release: PastRelease = request.param
    past = unpack(release, request.config.cache)
    recorder = Recorder()
    with Stack() as stack, HoldingProxy(stack.qdrant_url) as proxy:
        values: Object = {"operator": OFTEN, "qdrant": {"url": proxy.url}}
        if release is not FIRST:
            stack.kubectl("create", "namespace", PLACE)
            values["secretAccess"] = {"namespaces": [PLACE]}
        install(stack, merged(values, past.values()), past.chart)
        with Platform(stack) as platform:
            organization = platform.create_organization("acme")
            if release is not FIRST:
                _add_cluster(platform)
            _use(organization, SPECS[release])
            proxy.hold(recorder)
            before = Snapshot.take(platform, organization)
            asked = len(platform.operator_requests())
            platform.database.command("profile", 2)
            with Watcher(platform) as watcher:
                stack.install_operator(values)
                _compared_often(recorder, before, len(recorder.seen))
            yield Upgraded(
                release,
                platform,
                organization,
                before,
                Snapshot.take(platform, organization),
                watcher.events,
                watcher.crews,
                platform.operator_requests()[asked:],
                recorder.written(),
                list(platform.database["system.profile"].find({"op": {"$ne": "query"}})),
            )
        if request.session.testsfailed:
            stack.keep_logs()
            print(stack.diagnostics())


def _add_cluster(platform: Platform) -> None:
    """A Qdrant server for the Namespace of a dedicated tier."""
    server = platform.stack.add_qdrant("dedicated")
    clusters = Clusters(platform)
    clusters.write_key("dedicated", str(server.api_key))
    ray = {"headNodeUrl": "ray://ray.example.com:10001", "dashboardUrl": "http://ray.example.com:8265"}
    clusters.create("dedicated", server, ray=ray)
    clusters.reason("dedicated", "Ready")


def _use(organization: Organization, specs: Mapping[str, Object]) -> None:
    """Make the Namespaces, fill them, and wait until the past operator has nothing more to say."""
    for name, spec in specs.items():
        organization.create(name, **spec)
    for number, name in enumerate(specs):
        status = organization.ready(name)
        if "clusterId" in specs[name]:
            continue
        point = models.PointStruct(id=number, vector={}, payload={"namespace_id": status["namespaceId"], "price": 1.5})
        organization.platform.qdrant.upsert(status["collection"], [point], wait=True)
    # Live numbers are written once a minute at most, and are to be those of before.
    eventually(
        lambda: all(_counted(organization, name) for name, spec in specs.items() if "clusterId" not in spec),
        "the counts of points",
        120,
    )


def _counted(organization: Organization, name: str) -> bool:
    status: Object = organization.get(name)["status"]
    return bool(status.get("documentCount") == 1)


def _compared_often(recorder: Recorder, before: Snapshot, known: int) -> None:
    """Until the new operator has looked at every collection, and had the time to do so more than once.

    Many collections are looked at by one read of the server's telemetry.
    """
    wanted = {
        f"/collections/{found['status']['collection']}"
        for found in before.objects.values()
        if "clusterId" not in found["spec"]
    }

    def looked() -> bool:
        reads = {path for method, path in recorder.seen[known:] if method == "GET"}
        return wanted <= reads or "/telemetry" in reads

    eventually(looked, "a look at all")
    time.sleep(3 * RESYNC_SECONDS)


def test_no_namespace_leaves_ready(upgraded: Upgraded) -> None:
    told: dict[str, set[tuple[str, str]]] = {}
    for seen in upgraded.events:
        ready = condition(seen["status"], "Ready")
        told.setdefault(seen["metadata"]["name"], set()).add((ready["status"], ready["lastTransitionTime"]))
    assert told == {
        name: {("True", condition(found["status"], "Ready")["lastTransitionTime"])}
        for name, found in upgraded.before.objects.items()
    }


def test_the_past_operator_is_gone_before_the_present_one_starts(upgraded: Upgraded) -> None:
    """It knows no Lease, so nothing else would keep both from writing at once."""
    assert frozenset({"past", "present"}) not in upgraded.crews
    assert (upgraded.crews[0], upgraded.crews[-1]) == (frozenset({"past"}), frozenset({"present"}))


def test_of_the_objects_only_what_their_status_lacked_is_written(upgraded: Upgraded) -> None:
    new_fields, new_conditions = NEW_IN_STATUS[upgraded.release]
    for name, before in upgraded.before.objects.items():
        after = upgraded.after.objects[name]
        assert after["spec"] == before["spec"]
        assert _settled(after["metadata"]) == _settled(before["metadata"])
        old, new = before["status"], after["status"]
        assert {field for field in old | new if old.get(field) != new.get(field)} <= new_fields | {"conditions"}
        assert not new_fields & old.keys()
        kept = [each for each in new["conditions"] if each["type"] not in new_conditions]
        assert kept == old["conditions"]
    writes = [(entry["verb"], _target(entry)) for entry in upgraded.requests if entry["verb"] not in READS]
    # In one write each; and what does not concern them: who leads, and what the servers are like.
    statuses = [name for verb, (resource, name) in writes if (verb, resource) == ("update", "mixpeeknamespaces/status")]
    assert sorted(statuses) == (sorted(upgraded.before.objects) if new_fields else [])
    assert {(verb, resource) for verb, (resource, _) in writes} <= {
        ("update", "mixpeeknamespaces/status"),
        ("update", "infrastructureclusters/status"),
        ("create", "leases"),
        ("update", "leases"),
    }


def test_qdrant_is_written_to_only_for_what_the_past_release_did_not_keep_there(upgraded: Upgraded) -> None:
    assert upgraded.qdrant_writes == [f"PUT /collections/{name}" for name in NEW_COLLECTIONS[upgraded.release]]
    assert upgraded.after.collections.keys() - upgraded.before.collections.keys() == set(
        NEW_COLLECTIONS[upgraded.release]
    )
    for name, before in upgraded.before.collections.items():
        assert upgraded.after.collections[name] == before


def test_no_document_is_written(upgraded: Upgraded) -> None:
    """Not one revision moves; a release that kept no record of its servers gets one, beside the documents."""
    before, after = upgraded.before.documents, upgraded.after.documents
    assert {key: after[key] for key in before} == before
    assert {key.partition("/")[0] for key in after.keys() - before.keys()} == NEW_RECORDS[upgraded.release]
    written = {entry["ns"].partition(".")[2] for entry in upgraded.mongodb_writes if entry["op"] != "command"}
    assert written == NEW_RECORDS[upgraded.release]
    commands = {next(iter(entry["command"])) for entry in upgraded.mongodb_writes if entry["op"] == "command"}
    assert commands <= {"aggregate", "count", "createIndexes", "profile"}


def test_afterwards_namespaces_change_and_go_as_ever(upgraded: Upgraded) -> None:
    organization, qdrant = upgraded.organization, upgraded.platform.qdrant
    kept, removable = (upgraded.before.objects[name]["status"]["collection"] for name in ("kept", "removable"))
    organization.edit("kept", payloadIndexes=[PRICE])
    organization.ready("kept")
    assert "price" in qdrant.get_collection(kept).payload_schema
    assert qdrant.count(kept).count == 1
    organization.remove("removable")
    assert not qdrant.collection_exists(removable)
    organization.create("fresh", featureExtractors=[TEXT], deletionPolicy="Delete")
    organization.ready("fresh")


def test_uninstalling_leaves_everything_and_an_operator_that_comes_back_finds_it(upgraded: Upgraded) -> None:
    stack, platform, organization = upgraded.platform.stack, upgraded.platform, upgraded.organization
    before = Snapshot.take(platform, organization)
    stack.helm("uninstall", RELEASE, "--namespace", RELEASE_NAMESPACE, "--wait")
    eventually(lambda: not stack.operator_pids(), "the operator's end")
    after = Snapshot.take(platform, organization)
    assert after == before
    # Under Retain an object goes without an operator; its data stays.
    organization.remove("kept", timeout=10)
    assert platform.qdrant.collection_exists(before.objects["kept"]["status"]["collection"])
    stack.install_operator({"operator": OFTEN})
    eventually(lambda: organization.document("kept")["state"] == "retained", "state retained")
    for name in ("plain", "named", "fresh"):
        organization.ready(name)
    assert len(platform.qdrant.get_collections().collections) == len(before.collections)
    # In the documented order: what is under Delete first, then the operator. So nothing holds the Kubernetes namespace.
    for name in ("fresh", *(name for name, spec in SPECS[upgraded.release].items() if _needs_the_operator(name, spec))):
        organization.remove(name)
    stack.helm("uninstall", RELEASE, "--namespace", RELEASE_NAMESPACE, "--wait")
    organization.delete()


def _needs_the_operator(name: str, spec: Object) -> bool:
    return name != "removable" and spec.get("deletionPolicy") == "Delete"


def _settled(metadata: Object) -> Object:
    return {name: value for name, value in metadata.items() if name not in ("resourceVersion", "managedFields")}


def _target(entry: Object) -> tuple[str, str]:
    reference = entry["objectRef"]
    resource = "/".join(filter(None, (reference["resource"], reference.get("subresource"))))
    return resource, reference.get("name", "")
