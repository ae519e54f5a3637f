"""What the chart hands to the operator is what the operator reads."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from namespace_operator.api.profile import ComputeTier, TierProfile
from namespace_operator.cli.profiles import load_profiles, load_ray
from namespace_operator.cli.settings import SECRETS_DIR, Settings
from namespace_operator.domain.catalog import Catalog, builtin_catalog_text
from namespace_operator.domain.endpoints import EndpointPattern
from namespace_operator.domain.profiles import builtin_tiers
from namespace_operator.domain.ray import RayOptions
from namespace_operator.domain.ray_manifest import GpuType
from tests.chart.rendering import FULLNAME, NAMESPACE, REQUIRED, Chart, ChartRefusedError, Rendered, with_required

PREFIX = "NAMESPACE_OPERATOR_"
POD_IP = "10.1.2.3"
CATALOG = f"{FULLNAME}-catalog"
SET_BY_THE_CHART = {
    *("qdrant_url", "mongodb_uri", "mongodb_uri_secret", "health_host", "guarded", "pod_name", "pod_namespace"),
    *("catalog_path", "tiers_path", "ray_path", "lease_name"),
}
"""Settings that have another value than their default in every release."""

# The content of the Secrets, by name and key.
SECRETS = {("mongodb", "uri"): "mongodb://db/", ("stores", "url"): "mongodb://other/", ("stores", "token"): "key"}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Reads a rendering's settings as the operator in its Pod does."""

    def read(rendered: Rendered) -> Settings:
        for name, value in _environment(rendered).items():
            monkeypatch.setenv(name, value)
        _write_secrets(rendered, tmp_path)
        return Settings(_secrets_dir=tmp_path)

    return read


def test_defaults_are_the_operators_own(rendered: Rendered, read: Any) -> None:
    settings = read(rendered)
    for name, field in Settings.model_fields.items():
        if name not in SET_BY_THE_CHART:
            assert getattr(settings, name) == field.default, name
    assert settings.qdrant_url == "http://qdrant:6333"
    assert settings.mongodb_uri.get_secret_value() == "mongodb://db/"
    assert settings.health_host == POD_IP
    assert settings.lease_name == FULLNAME
    # Only who installs the policies knows that they stand.
    assert settings.guarded
    assert not Settings.model_fields["guarded"].default


def test_every_value_arrives(chart: Chart, read: Any) -> None:
    operator = {
        "instanceName": 'blue: "1"',
        "instanceId": "12345",
        "watchNamespaces": ["shop", "123"],
        "workers": 4,
        "resyncIntervalSeconds": 2500000,
        "sweepIntervalSeconds": 0.5,
        "tombstoneSeconds": 90,
        "expiryMemorySeconds": 86400,
        "logLevel": "debug",
        "logFormat": "console",
    }
    values = {
        "qdrant": {
            "url": "https://qdrant.example/base",
            "apiKeySecretRef": {"name": "stores", "key": "token"},
            "timeoutSeconds": 2.5,
        },
        "mongodb": {
            "uriSecretRef": {"name": "stores", "key": "url"},
            "database": "1234",
            "timeoutSeconds": 7,
            "deleteDependents": ["buckets", "1234"],
        },
        "operator": operator,
        "autoIndexes": {"intervalSeconds": 1800, "unusedSeconds": 0},
        "lease": {"durationSeconds": 15, "renewDeadlineSeconds": 10.5, "retrySeconds": 2},
        "admissionPolicies": {"enabled": False},
    }
    settings = read(chart.render(values))
    assert settings.qdrant_url == "https://qdrant.example/base"
    assert settings.qdrant_api_key.get_secret_value() == "key"
    assert settings.qdrant_timeout_seconds == 2.5
    assert settings.mongodb_uri.get_secret_value() == "mongodb://other/"
    assert settings.mongodb_database == "1234"
    assert settings.mongodb_timeout_seconds == 7
    assert settings.delete_dependents == ("buckets", "1234")
    assert settings.tombstone_seconds == 90
    assert settings.expiry_memory_seconds == 86_400
    assert settings.auto_index_interval_seconds == 1800
    assert settings.auto_index_unused_seconds == 0
    assert settings.lease_duration_seconds == 15
    assert settings.lease_renew_deadline_seconds == 10.5
    assert settings.lease_retry_seconds == 2
    assert not settings.guarded
    assert settings.instance_name == 'blue: "1"'
    assert settings.instance_id == "12345"
    assert settings.watch_namespaces == ("shop", "123")
    assert settings.workers == 4
    assert settings.resync_interval_seconds == 2_500_000
    assert settings.sweep_interval_seconds == 0.5
    assert settings.log_level == "debug"
    assert settings.log_format == "console"


def test_no_variable_is_misspelt_and_none_is_secret(rendered: Rendered) -> None:
    every = [variable["name"] for variable in rendered.container["env"]]
    names = {name.removeprefix(PREFIX).lower() for name in every if name.startswith(PREFIX)}
    unset = {"instance_id", "tombstone_seconds", "qdrant_api_key_secret"}
    assert names == Settings.model_fields.keys() - {"qdrant_api_key", "mongodb_uri"} - unset


def test_secrets_are_where_the_operator_looks(rendered: Rendered) -> None:
    assert _mount_path(rendered, "secrets") == str(SECRETS_DIR)
    projected = _volume(rendered, "secrets")["projected"]
    assert projected["defaultMode"] == 0o440
    (source,) = projected["sources"]
    assert source["secret"]["name"] == "mongodb"
    # A Pod that starts without its connection string would fail later and less clearly.
    assert not source["secret"].get("optional", False)


def test_the_built_in_catalog_is_mounted(rendered: Rendered) -> None:
    catalog = rendered.named("ConfigMap", CATALOG)
    assert _volume(rendered, "catalog")["configMap"]["name"] == catalog["metadata"]["name"]
    assert Catalog.load(catalog["data"]["catalog.yaml"]) == Catalog.load(builtin_catalog_text())
    path = Path(_environment(rendered)[f"{PREFIX}CATALOG_PATH"])
    assert path == Path(_mount_path(rendered, "catalog")) / next(iter(catalog["data"]))


def test_a_catalog_of_ones_own_replaces_it(chart: Chart) -> None:
    entry = {"name": "own_extractor", "version": "v1", "vectors": [_vector("own")], "parameters": []}
    own = "# with {{ braces }}\n" + json.dumps({"extractors": [entry]}, indent=2)
    changed = chart.render(with_required({"catalog": own}))
    assert Catalog.load(changed.named("ConfigMap", CATALOG)["data"]["catalog.yaml"]).ids() == Catalog.load(own).ids()


@pytest.mark.parametrize(
    ("catalog", "words"),
    [
        ("extractors: [", "catalog is not valid YAML"),
        ("extractor: []", "catalog has no list of extractors"),
        ("- name: x", "catalog is not valid YAML"),
    ],
)
def test_a_broken_catalog_stops_the_installation(chart: Chart, catalog: str, words: str) -> None:
    with pytest.raises(ChartRefusedError, match=words):
        chart.render(with_required({"catalog": catalog}))


def test_a_chart_packaged_without_its_catalog_says_so(chart: Chart, tmp_path: Path) -> None:
    copy = tmp_path / "chart"
    shutil.copytree(chart.directory, copy)
    (copy / "files" / "catalog.yaml").unlink()
    with pytest.raises(ChartRefusedError, match=r"no files/catalog\.yaml.*make generate"):
        Chart(chart.helm, chart.home, copy).render(REQUIRED)


PROFILE = {
    "collection": {"segmentNumber": 2, "indexingThreshold": 1_000_000_000, "quantization": {"type": "scalar"}},
    "sharedCollection": {"hnsw": {"m": 0, "payloadM": 16}, "strictMode": {"maxTimeout": 60}},
    "systemIndexes": ["namespace_id"],
    "overridable": ["replicationFactor"],
    "maxNamespaces": 1_000_000,
    "maxSharedVectorMegabytes": 0,
}
RAY: dict[str, Any] = {
    "template": {"headGroupSpec": {"rayStartParams": {}}, "workerGroupSpecs": [{"groupName": "workers"}]},
    "gpuTypes": {"A100": {"nodeSelector": {"gpu": "a100"}, "tolerations": [{"key": "gpu"}], "resource": "amd.com/gpu"}},
}


def _file(rendered: Rendered, volume: str) -> Any:
    """The only file of a mounted ConfigMap, which must be where the operator is told to look."""
    config = rendered.named("ConfigMap", f"{FULLNAME}-{volume}")
    assert _volume(rendered, volume)["configMap"]["name"] == config["metadata"]["name"]
    ((name, content),) = config["data"].items()
    path = Path(_environment(rendered)[f"{PREFIX}{volume.upper()}_PATH"])
    assert path == Path(_mount_path(rendered, volume)) / name
    return yaml.safe_load(content)


def test_tiers_and_ray_of_no_values_are_the_operators_own(rendered: Rendered, read: Any, tmp_path: Path) -> None:
    settings = _with_files(rendered, read(rendered), tmp_path)
    assert load_profiles(settings) == builtin_tiers()
    assert load_ray(settings) == RayOptions()


def test_tiers_and_ray_are_read_as_they_are_written(chart: Chart, read: Any, tmp_path: Path) -> None:
    changed = chart.render(with_required({"tiers": {"shared": PROFILE}, "ray": RAY}))
    settings = _with_files(changed, read(changed), tmp_path)
    assert load_profiles(settings)[ComputeTier.SHARED].max_namespaces == PROFILE["maxNamespaces"]
    kind = GpuType({"gpu": "a100"}, ({"key": "gpu"},), "amd.com/gpu")
    assert load_ray(settings) == RayOptions(RAY["template"], {"A100": kind})


def _with_files(rendered: Rendered, settings: Settings, directory: Path) -> Settings:
    """The settings, with the mounted files in a directory here."""
    for volume in ("tiers", "ray"):
        ((_, content),) = rendered.named("ConfigMap", f"{FULLNAME}-{volume}")["data"].items()
        (directory / volume).write_text(content)
    return settings.model_copy(update={"tiers_path": directory / "tiers", "ray_path": directory / "ray"})


def test_tiers_and_ray_are_files(chart: Chart, rendered: Rendered) -> None:
    assert _file(rendered, "tiers") == {}
    assert _file(rendered, "ray") == {"template": {}, "gpuTypes": {}}
    changed = chart.render(with_required({"tiers": {"shared": PROFILE}, "ray": RAY}))
    assert _file(changed, "ray") == RAY
    tiers = _file(changed, "tiers")
    assert tiers == {"shared": PROFILE}
    assert TierProfile.model_validate(tiers["shared"]).to_kubernetes() == PROFILE


def test_what_the_operator_reads_again_by_itself_does_not_roll_the_pod(chart: Chart, rendered: Rendered) -> None:
    entry = {"name": "own_extractor", "version": "v1", "vectors": [_vector("own")], "parameters": []}
    catalog = json.dumps({"extractors": [entry]})
    changed = chart.render(with_required({"catalog": catalog, "tiers": {"shared": PROFILE}, "ray": RAY}))
    assert changed.one("Deployment") == rendered.one("Deployment")
    mounts = {mount["name"]: mount for mount in rendered.container["volumeMounts"]}
    assert not [name for name in ("catalog", "tiers", "ray") if "subPath" in mounts[name]]
    # What it reads at its start only does.
    assert chart.render(with_required({"operator": {"workers": 3}})).one("Deployment") != rendered.one("Deployment")


def test_allowed_endpoints_arrive_as_they_are_written(chart: Chart, rendered: Rendered) -> None:
    variable = f"{PREFIX}ALLOWED_ENDPOINTS"
    assert json.loads(_environment(rendered)[variable]) == []
    patterns = ["*.qdrant.example.com:6333", "127.0.0.1:6333", "[::1]:*", "ray-?:10001"]
    changed = chart.render(with_required({"allowedEndpoints": patterns}))
    assert json.loads(_environment(changed)[variable]) == patterns
    assert [EndpointPattern.parse(pattern) for pattern in patterns]


def test_the_operator_is_told_where_its_secrets_are(chart: Chart, rendered: Rendered) -> None:
    assert _environment(rendered)[f"{PREFIX}MONGODB_URI_SECRET"] == "mongodb/uri"
    assert f"{PREFIX}QDRANT_API_KEY_SECRET" not in _environment(rendered)
    with_key = chart.render(with_required({"qdrant": {"apiKeySecretRef": {"name": "stores", "key": "token"}}}))
    assert _environment(with_key)[f"{PREFIX}QDRANT_API_KEY_SECRET"] == "stores/token"


def _environment(rendered: Rendered) -> dict[str, str]:
    variables = rendered.container["env"]
    from_the_pod = {"metadata.name": "pod", "metadata.namespace": NAMESPACE, "status.podIP": POD_IP}
    return {
        each["name"]: from_the_pod[each["valueFrom"]["fieldRef"]["fieldPath"]]
        if "valueFrom" in each
        else each["value"].replace("$(POD_IP)", POD_IP)
        for each in variables
    }


def _write_secrets(rendered: Rendered, directory: Path) -> None:
    for source in _volume(rendered, "secrets")["projected"]["sources"]:
        for item in source["secret"]["items"]:
            (directory / item["path"]).write_text(SECRETS[source["secret"]["name"], item["key"]])


def _volume(rendered: Rendered, name: str) -> dict[str, Any]:
    (volume,) = [volume for volume in rendered.pod["volumes"] if volume["name"] == name]
    result: dict[str, Any] = volume
    return result


def _mount_path(rendered: Rendered, name: str) -> str:
    (mount,) = [mount for mount in rendered.container["volumeMounts"] if mount["name"] == name]
    return str(mount["mountPath"])


def _vector(name: str) -> dict[str, Any]:
    return {"name": name, "size": 8, "distance": "cosine", "inference_service": "own"}
