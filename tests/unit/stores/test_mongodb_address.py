"""The connection string of a MongoDB behind a port-forward."""

from __future__ import annotations

import pytest

from namespace_operator.stores.mongodb import InvalidConnectionString, at_address

HERE = "127.0.0.1:27017"


@pytest.mark.parametrize(
    ("uri", "made"),
    [
        ("mongodb://a:1,b:2/?replicaSet=rs0", f"mongodb://{HERE}/?directConnection=true"),
        ("mongodb://u:p%40@a/db?w=1", f"mongodb://u:p%40@{HERE}/db?w=1&directConnection=true"),
        ("mongodb://u:p@a", f"mongodb://u:p@{HERE}/?authSource=admin&directConnection=true"),
        ("mongodb+srv://u:p@a/db", f"mongodb://u:p@{HERE}/db?tls=true&directConnection=true"),
    ],
)
def test_credentials_and_options_stay_and_the_set_goes(uri: str, made: str) -> None:
    assert at_address(uri, HERE) == made


def test_a_port_alone_is_the_own_machines() -> None:
    assert at_address("mongodb://a", ":9") == "mongodb://127.0.0.1:9/?directConnection=true"


def test_what_is_no_connection_string_is_not_quoted() -> None:
    with pytest.raises(InvalidConnectionString) as caught:
        at_address("http://secret", HERE)
    assert "secret" not in str(caught.value)
