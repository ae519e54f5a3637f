"""The connection string of a MongoDB that is reached at another address: through a port-forward, say."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

from namespace_operator.stores.mongodb.driver import InvalidConnectionString

_FORM = re.compile(
    r"^(?P<scheme>mongodb(?:\+srv)?)://(?P<user>[^@/]*@)?[^/?]+(?:/(?P<database>[^?]*))?(?:\?(?P<options>.*))?$"
)
_OF_A_SET = frozenset({"replicaset", "directconnection", "loadbalanced", "srvservicename", "srvmaxhosts"})
_LOCAL = "127.0.0.1"


def at_address(uri: str, address: str) -> str:
    """The same credentials and options for one server at ``host:port``, and for it alone.

    The members of a replica set name one another by addresses that lead nowhere from here. Raises
    ``InvalidConnectionString``.
    """
    found = _FORM.match(uri)
    if found is None:
        raise InvalidConnectionString
    given = parse_qsl(found["options"] or "", keep_blank_values=True)
    options = {name: value for name, value in given if name.lower() not in _OF_A_SET}
    if found["scheme"].endswith("+srv"):
        # What the DNS record stands for.
        options = {"tls": "true", **options}
    if found["user"] and not found["database"]:
        options.setdefault("authSource", "admin")
    options["directConnection"] = "true"
    host, _, port = address.rpartition(":")
    return f"mongodb://{found['user'] or ''}{host or _LOCAL}:{port}/{found['database'] or ''}?{urlencode(options)}"
