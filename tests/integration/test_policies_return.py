"""The catalog's policy is that of the last `helm upgrade`, whatever became of it before, and however large it is.

Nothing here starts the API server anew: it must not go on with what it knew of policies that were gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
import yaml

from devstack.release import RELEASE, RELEASE_NAMESPACE
from namespace_operator.api.names import EXTRACTOR_NAME_MAX, EXTRACTOR_VERSION_MAX
from namespace_operator.domain.catalog import builtin_catalog_text
from tests.integration.api_server import wait_until
from tests.integration.support import Object, Platform
from tests.integration.tenants import TENANT, TEXT, UNKNOWN, Office

LEFT = {"featureExtractorName": "passthrough_extractor", "version": "v1"}
CAME = {"featureExtractorName": "our_extractor", "version": "v1"}
EXPRESSION = 100_000
"""How many characters the API server takes of an expression."""
MOST = 64
"""Extractors of one Namespace."""


@pytest.fixture(autouse=True)
def as_before(platform: Platform) -> Iterator[None]:
    """The release as it was, afterwards."""
    yield
    platform.install()


def _changed() -> Object:
    """The built-in catalog without one of its extractors, and with one of our own."""
    catalog: dict[str, Any] = yaml.safe_load(builtin_catalog_text())
    staying = [each for each in catalog["extractors"] if each["name"] != LEFT["featureExtractorName"]]
    assert len(staying) == len(catalog["extractors"]) - 1
    return {"catalog": yaml.safe_dump({"extractors": [*staying, {"name": "our_extractor", "version": "v1"}]})}


def _is_in_force_with_what_changed(office: Office) -> bool:
    # No catalog at all would take the unknown one, and that of before the one that left.
    return [_takes(office, each) for each in (TEXT, CAME, LEFT, UNKNOWN)] == [True, True, False, False]


def _takes(office: Office, *extractors: Object) -> bool:
    answer = office.create("probe", {"featureExtractors": list(extractors)}, TENANT, dry=True)
    if answer.status == 422:
        assert "not in the catalog; use one" in answer.body["message"]
    else:
        answer.accepted()
    return answer.status < 300


def test_policies_that_were_switched_off_come_back_with_the_catalog_of_now(platform: Platform, office: Office) -> None:
    platform.install({"admissionPolicies": {"enabled": False}})
    wait_until(lambda: _takes(office, UNKNOWN))
    platform.install(_changed())
    wait_until(lambda: _is_in_force_with_what_changed(office))
    # The usual catalog again, by an upgrade alone.
    platform.install()
    wait_until(lambda: _takes(office, LEFT) and not _takes(office, CAME))


def test_an_operator_that_is_installed_again_has_policies_with_the_catalog_of_now(
    platform: Platform, office: Office
) -> None:
    platform.stop_operator()
    platform.stack.helm("uninstall", RELEASE, "-n", RELEASE_NAMESPACE, "--wait")
    wait_until(lambda: _takes(office, UNKNOWN))
    platform.install(_changed())
    wait_until(lambda: _is_in_force_with_what_changed(office))


@pytest.mark.parametrize("kind", ["validatingadmissionpolicy", "validatingadmissionpolicybinding"])
def test_an_upgrade_brings_back_what_somebody_deleted(platform: Platform, office: Office, kind: str) -> None:
    platform.stack.kubectl("delete", kind, f"{RELEASE}-catalog.mixpeek.com")
    wait_until(lambda: _takes(office, UNKNOWN))
    platform.install(_changed())
    wait_until(lambda: _is_in_force_with_what_changed(office))


@pytest.mark.parametrize("length", [len("e000_v0"), EXTRACTOR_NAME_MAX + 1 + EXTRACTOR_VERSION_MAX])
def test_a_catalog_may_be_as_large_as_an_expression(platform: Platform, office: Office, length: int) -> None:
    # Each id has quotes, a comma and an end of line; the brackets take two characters more than the last comma saves.
    entries = list(islice(_extractors(length), (EXPRESSION - 2) // (length + 4)))
    platform.install({"catalog": yaml.safe_dump({"extractors": entries})})
    wait_until(lambda: not _takes(office, TEXT))
    # As many as a Namespace can have, and the last of the list: everything before is compared with each of them.
    by_id = sorted(entries, key=lambda each: f"{each['name']}_{each['version']}")
    last = [{"featureExtractorName": each["name"], "version": each["version"]} for each in by_id[-MOST:]]
    assert _takes(office, *last)
    words = office.create("probe", {"featureExtractors": [*last[1:], UNKNOWN]}, TENANT, dry=True).refused(422)
    assert words.endswith(": text_extractor_v99 not in the catalog; use one that is, or have it added to the catalog")
    # Too many to be named in a message if they are long: the refusal stands all the same.
    unknown = [each | {"featureExtractorName": "z" + each["featureExtractorName"][1:]} for each in last]
    assert not _takes(office, *unknown)


def _extractors(length: int) -> Iterator[Object]:
    """Different extractors whose ids have so many characters."""
    digits = max(1, length - EXTRACTOR_NAME_MAX - len("_v"))
    for number in range(16**3):
        for digit in range(10):
            version = "v" + digits * str(digit)
            yield {"name": f"e{number:03x}".ljust(length - len(version) - 1, "_"), "version": version}


def test_an_empty_catalog_has_nothing(platform: Platform, office: Office) -> None:
    platform.install({"catalog": "extractors: []"})
    wait_until(lambda: not _takes(office, TEXT))
    office.create("probe", {"featureExtractors": []}, TENANT, dry=True).accepted()
