"""Connections as the settings say them, and a connection string that is replaced while the operator runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import kopf
import pytest
from pydantic import SecretStr

from namespace_operator.cli import connections
from namespace_operator.cli.connections import allowed_endpoints, connector, first_value, follow, operators_own
from namespace_operator.cli.settings import Settings
from namespace_operator.controller.secrets import Credentials, SecretUnavailable
from namespace_operator.domain.endpoints import Endpoint, SecretKey
from namespace_operator.domain.profiles import builtin_tiers
from namespace_operator.stores.errors import Rejected
from namespace_operator.stores.mongodb import InvalidConnectionString
from namespace_operator.telemetry.requests import UNMEASURED
from tests.unit.stores.server import Answers, serving
from tests.world.virtual_time import now, run

KEY = SecretKey("platform", "stores", "mongodb-uri")
VERSION = b'{"title": "qdrant", "version": "1.18.3"}'


@dataclass
class Changing:
    """A Secret whose value changes at some seconds of virtual time; None: it is not there."""

    values: dict[float, str | None]
    used: list[tuple[float, str]] = field(default_factory=list)

    async def value(self, key: SecretKey) -> SecretStr:
        """The value at this time."""
        current = [value for since, value in self.values.items() if since <= now()][-1]
        if current is None:
            raise SecretUnavailable(f"{key} is not there")
        return SecretStr(current)

    def use(self, value: str) -> None:
        """Use a value, as long as it can be read."""
        if value == "bad":
            raise InvalidConnectionString
        self.used.append((now(), value))


def test_a_new_value_is_used_within_seconds_and_without_one_the_last_is_kept() -> None:
    secret = Changing({0: "first", 12: "second", 21: None, 41: "second", 52: "bad", 66: "third"})

    async def main() -> None:
        following = asyncio.create_task(follow(secret, KEY, SecretStr("first"), secret.use))
        await asyncio.sleep(100)
        following.cancel()

    run(main())
    assert secret.used == [(15, "second"), (70, "third")]


def test_the_start_waits_for_the_first_value() -> None:
    secret = Changing({0: None, 12: "first"})

    async def main() -> tuple[float, str]:
        value = await first_value(secret, KEY)
        return now(), value.get_secret_value()

    assert run(main()) == (15, "first")


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a static key, in a cluster whose API server has an address."""
    info = kopf.ConnectionInfo(server="https://10.0.0.1:443")
    monkeypatch.setattr(connections, "connection_info", lambda: info)
    return Settings(
        qdrant_url="http://qdrant:6333",
        qdrant_api_key=SecretStr("static"),
        mongodb_uri=SecretStr("mongodb://mongodb"),
        allowed_endpoints=("*:*", "127.0.0.1:6333"),
    )


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://qdrant.example.com:6333", True),
        ("http://127.0.0.1:6333", True),
        ("http://127.0.0.1:6334", False),
        ("https://10.0.0.1", False),
        ("https://kubernetes.default.svc", False),
        ("https://kubernetes.default.svc.cluster.local.", False),
        ("https://kubernetes", False),
        ("http://169.254.169.254", False),
    ],
)
def test_the_api_server_is_among_what_has_to_be_named_exactly(settings: Settings, url: str, allowed: bool) -> None:
    assert allowed_endpoints(settings).allows(url) is allowed


async def test_the_static_key_goes_to_the_configured_server_alone(settings: Settings) -> None:
    connect = connector(settings, allowed_endpoints(settings), lambda _: UNMEASURED)
    sent = {}
    for name, api_key in (("default", None), ("iclstr_east", None), ("iclstr_west", "theirs")):
        answers = Answers(body=VERSION)
        async with serving(answers) as url:
            store = connect(Endpoint(name, url), Credentials(SecretStr(api_key) if api_key else None))
            await store.version()
            await store.close()
        sent[name] = answers.last.headers.get("api-key")
    assert sent == {"default": "static", "iclstr_east": None, "iclstr_west": "theirs"}


async def test_a_tenants_host_does_not_lead_inside(settings: Settings) -> None:
    connect = connector(settings, allowed_endpoints(settings), lambda _: UNMEASURED)
    async with serving(Answers(body=VERSION)) as url:
        store = connect(Endpoint("own/acme/x", url, anywhere=False), Credentials())
        with pytest.raises(Rejected, match="allowedEndpoints"):
            await store.version()
        await store.close()


def test_a_watched_key_comes_before_the_static_one(settings: Settings) -> None:
    assert operators_own(settings, builtin_tiers)().endpoint.api_key is None
    watched = settings.model_copy(update={"pod_namespace": "platform", "qdrant_api_key_secret": "stores/key"})
    assert operators_own(watched, builtin_tiers)().endpoint.api_key == SecretKey("platform", "stores", "key")


def test_the_operators_own_site_is_another_one_only_when_its_tiers_are(settings: Settings) -> None:
    tiers = builtin_tiers()
    own = operators_own(settings, lambda: tiers)
    before = own()
    assert own() is before
    tiers = dict(tiers)
    assert own() is not before
    assert own().tiers is tiers
