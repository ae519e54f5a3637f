"""Settings: where they come from, and that a bad one is named by its variable and never printed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from namespace_operator.api.profile import ComputeTier
from namespace_operator.cli.main import main
from namespace_operator.cli.profiles import load_catalog, load_profiles
from namespace_operator.cli.run import _options
from namespace_operator.cli.settings import Settings
from namespace_operator.domain.catalog import Catalog, CatalogError, builtin_catalog_text
from namespace_operator.domain.endpoints import SecretKey
from namespace_operator.domain.profiles import builtin_tiers
from namespace_operator.stores.mongodb import OWN

PREFIX = "NAMESPACE_OPERATOR_"
PASSWORD = "pw-CANARY"
API_KEY = "key-CANARY"
GOOD = {
    "QDRANT_URL": "http://qdrant:6333",
    "QDRANT_API_KEY": API_KEY,
    "MONGODB_URI": f"mongodb://operator:{PASSWORD}@mongodb:27017/?replicaSet=rs0",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Settings that are enough to start, and none of the machine's."""
    for name, value in GOOD.items():
        monkeypatch.setenv(PREFIX + name, value)
    monkeypatch.setattr(sys, "argv", ["namespace-operator", "run"])
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_defaults() -> None:
    settings = Settings()
    assert settings.mongodb_uri is not None
    assert settings.mongodb_uri.get_secret_value() == GOOD["MONGODB_URI"]
    assert (settings.resync_interval_seconds, settings.mongodb_timeout_seconds) == (300.0, 3.0)
    assert settings.watch_namespaces == ()
    assert settings.instance_id is None


@pytest.mark.parametrize(
    ("duration", "deadline", "retry"), [("8", "8", "1"), ("4", "5", "1"), ("8", "5", "5"), ("8", "2", "3")]
)
def test_a_lease_that_could_not_be_held_is_refused(
    environment: pytest.MonkeyPatch, duration: str, deadline: str, retry: str
) -> None:
    environment.setenv(f"{PREFIX}LEASE_DURATION_SECONDS", duration)
    environment.setenv(f"{PREFIX}LEASE_RENEW_DEADLINE_SECONDS", deadline)
    environment.setenv(f"{PREFIX}LEASE_RETRY_SECONDS", retry)
    with pytest.raises(ValidationError, match="LEASE_RETRY_SECONDS must be less"):
        Settings()


@pytest.mark.usefixtures("environment")
def test_secrets_are_not_shown() -> None:
    assert "CANARY" not in repr(Settings()) + str(Settings())


def test_secrets_from_mounted_files(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.delenv(f"{PREFIX}MONGODB_URI")
    environment.delenv(f"{PREFIX}QDRANT_API_KEY")
    (tmp_path / "namespace_operator_mongodb_uri").write_text("mongodb://file:27017\n")
    (tmp_path / "namespace_operator_qdrant_api_key").write_text("from-file\n")
    settings = Settings(_secrets_dir=tmp_path)
    assert settings.mongodb_uri is not None
    assert settings.mongodb_uri.get_secret_value() == "mongodb://file:27017"
    assert settings.qdrant_api_key is not None
    assert settings.qdrant_api_key.get_secret_value() == "from-file"


def test_watched_namespaces_are_a_json_list(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(f"{PREFIX}WATCH_NAMESPACES", '["team-a", "team-b"]')
    assert Settings().watch_namespaces == ("team-a", "team-b")


@pytest.mark.usefixtures("environment")
def test_nothing_that_needs_a_verb_is_acted_upon_and_no_dependents_are_deleted_unless_it_is_said() -> None:
    assert (Settings().guarded, Settings().delete_dependents) == (False, ())


def test_guards_and_dependents_are_said(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(f"{PREFIX}GUARDED", "true")
    environment.setenv(f"{PREFIX}DELETE_DEPENDENTS", '["buckets", "objects"]')
    options = _options(Settings(), "cluster-uid:default", "cluster-uid")
    assert (options.guarded, options.dependents) == (True, ("buckets", "objects"))


@pytest.mark.parametrize("own", OWN)
def test_dependents_are_never_the_operators_own(environment: pytest.MonkeyPatch, own: str) -> None:
    environment.setenv(f"{PREFIX}DELETE_DEPENDENTS", f'["buckets", "{own}"]')
    with pytest.raises(SystemExit, match=f"invalid settings: {PREFIX}DELETE_DEPENDENTS: .*{own} is the operator's own"):
        main()


@pytest.mark.parametrize(
    ("given", "age"),
    [
        ({}, 120.0),
        ({"QDRANT_TIMEOUT_SECONDS": "5"}, 120.0),
        ({"QDRANT_TIMEOUT_SECONDS": "60"}, 360.0),
        ({"QDRANT_TIMEOUT_SECONDS": "60", "TOMBSTONE_SECONDS": "30"}, 30.0),
    ],
)
def test_a_name_stays_unused_for_longer_than_any_request_may_take(
    environment: pytest.MonkeyPatch, given: dict[str, str], age: float
) -> None:
    for name, value in given.items():
        environment.setenv(PREFIX + name, value)
    assert _options(Settings(), "cluster-uid:default", "cluster-uid").tombstone_age == age


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GUARDED", "perhaps"),
        ("DELETE_DEPENDENTS", "buckets,objects"),
        ("DELETE_DEPENDENTS", '{"buckets": true}'),
        ("TOMBSTONE_SECONDS", "0"),
        ("QDRANT_URL", f"http://user:{API_KEY}@qdrant:6333"),
        ("QDRANT_URL", f"http://qdrant:6333?api-key={API_KEY}"),
        ("QDRANT_URL", f"qdrant-{API_KEY}"),
        ("QDRANT_TIMEOUT_SECONDS", "soon"),
        ("MONGODB_TIMEOUT_SECONDS", "0"),
        ("WORKERS", "0"),
        ("RESYNC_INTERVAL_SECONDS", "-1"),
        ("WATCH_NAMESPACES", "team-a,team-b"),
        ("WATCH_NAMESPACES", "7"),
        ("LOG_LEVEL", "loud"),
        ("HEALTH_PORT", "123456"),
    ],
)
def test_a_bad_value_is_named_and_not_printed(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(PREFIX + name, value)
    with pytest.raises(SystemExit) as stopped:
        main()
    said = str(stopped.value)
    assert said.startswith(f"invalid settings: {PREFIX}{name}")
    assert "CANARY" not in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("QDRANT_URL", f"{PREFIX}QDRANT_URL: Field required"),
        ("MONGODB_URI", f"{PREFIX}MONGODB_URI or {PREFIX}MONGODB_URI_SECRET is needed"),
    ],
)
def test_a_missing_value_is_named(environment: pytest.MonkeyPatch, name: str, said: str) -> None:
    environment.delenv(PREFIX + name)
    with pytest.raises(SystemExit, match=f"invalid settings: {said}"):
        main()


def test_secrets_that_are_watched(environment: pytest.MonkeyPatch) -> None:
    environment.delenv(f"{PREFIX}MONGODB_URI")
    environment.setenv(f"{PREFIX}MONGODB_URI_SECRET", "stores/mongodb-uri")
    environment.setenv(f"{PREFIX}QDRANT_API_KEY_SECRET", "stores/qdrant.key")
    with pytest.raises(ValidationError, match=f"{PREFIX}POD_NAMESPACE is needed"):
        Settings()
    environment.setenv(f"{PREFIX}POD_NAMESPACE", "platform")
    settings = Settings()
    assert settings.mongodb_uri_ref == SecretKey("platform", "stores", "mongodb-uri")
    assert settings.qdrant_api_key_ref == SecretKey("platform", "stores", "qdrant.key")
    environment.setenv(f"{PREFIX}QDRANT_API_KEY_SECRET", "no-key")
    with pytest.raises(SystemExit, match=f"{PREFIX}QDRANT_API_KEY_SECRET: "):
        main()


def test_allowed_endpoints(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(f"{PREFIX}ALLOWED_ENDPOINTS", '["*.qdrant.example.com:6333", "10.0.0.7:*"]')
    assert Settings().allowed_endpoints == ("*.qdrant.example.com:6333", "10.0.0.7:*")
    environment.setenv(f"{PREFIX}ALLOWED_ENDPOINTS", '["https://example.com"]')
    with pytest.raises(SystemExit, match=f"{PREFIX}ALLOWED_ENDPOINTS: .*is no host:port"):
        main()


def test_tiers_of_ones_own(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load_profiles(Settings()) == builtin_tiers()
    path = tmp_path / "tiers.yaml"
    environment.setenv(f"{PREFIX}TIERS_PATH", str(path))
    with pytest.raises(SystemExit, match=f"cannot start: .*check {PREFIX}TIERS_PATH"):
        main()
    path.write_text("shared: {maxNamespaces: 7}")
    profiles = load_profiles(Settings())
    assert profiles[ComputeTier.SHARED].max_namespaces == 7
    packaged = builtin_tiers()
    assert profiles[ComputeTier.SHARED].shared_collection == packaged[ComputeTier.SHARED].shared_collection
    # What the chart makes of no values at all.
    path.write_text("{}")
    assert load_profiles(Settings()) == packaged


@pytest.mark.usefixtures("environment")
def test_the_built_in_catalog_is_the_default() -> None:
    assert load_catalog(Settings()) == Catalog.load(builtin_catalog_text())


def test_a_catalog_of_ones_own(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text("extractors: [{name: mine, version: v1}]")
    environment.setenv(f"{PREFIX}CATALOG_PATH", str(path))
    assert load_catalog(Settings()).ids() == ("mine_v1",)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "no text"])
def test_a_catalog_that_cannot_be_read_names_file_and_variable(
    environment: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "catalog.yaml"
    if content is not None:
        path.write_bytes(content)
    environment.setenv(f"{PREFIX}CATALOG_PATH", str(path))
    with pytest.raises(CatalogError, match=rf"{path} cannot be read .*; check {PREFIX}CATALOG_PATH"):
        load_catalog(Settings())
