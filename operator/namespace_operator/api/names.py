"""Names: limits, patterns and the ones that belong to the operator.

Patterns are anchored and written in the common subset of RE2 (the API server) and Python's `re`;
in Python match them with `re.fullmatch`, whose `$` does not forgive a trailing newline.
"""

import re

NAMESPACE_NAME_MIN = 3
NAMESPACE_NAME_MAX = 64
NAMESPACE_NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_-]*$"

ID_PREFIX = "ns_"
"""What every namespace id begins with. A name that does would be taken for one."""

NAMESPACE_ID_MAX = 67
NAMESPACE_ID_PATTERN = f"^{ID_PREFIX}[A-Za-z0-9_]{{3,64}}$"
MINTED_ID_PATTERN = f"^{ID_PREFIX}[0-9a-f]{{10}}$"
"""Ids that the operator makes; it names collections by them."""

COLLECTION_MIN = 3
COLLECTION_MAX = 128
COLLECTION_PATTERN = "^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
"""Names of Qdrant collections a user may choose: a part of what Qdrant takes, safe in paths and messages."""

MARKER_COLLECTION = "mixpeek-namespace-operator"
"""The collection that tells one Qdrant server from another; it holds no data and belongs to the operator."""

CLUSTER_ID_MAX = 39
CLUSTER_ID_PATTERN = "^iclstr_[a-z0-9]{3,32}$"
RAY_CLUSTER_ID_PATTERN = "^ray_[A-Za-z0-9_]{3,64}$"

# A name's last part begins with a letter: what resolvers take for an address, such as 127.1 or 0x7f000001, is no name.
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_LABEL = "[A-Za-z0-9-]"
_HOST = rf"(\[[0-9A-Fa-f:.]+\]|{_OCTET}(\.{_OCTET}){{3}}|([A-Za-z0-9]{_LABEL}*\.)*[A-Za-z]({_LABEL}*[A-Za-z0-9])?)"
_PORT = "(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
HTTP_URL_PATTERN = rf"^https?://{_HOST}{_PORT}/?$"
"""Scheme, host and port, and nothing that could hold credentials or change the path of a request."""
HTTP_URL_WITH_PATH_PATTERN = rf"^https?://{_HOST}{_PORT}(/[A-Za-z0-9._~-]+)*/?$"
RAY_URL_PATTERN = rf"^ray://{_HOST}{_PORT}$"

KUBERNETES_NAMESPACE_PATTERN = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
OBJECT_NAME_PATTERN = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
DATA_KEY_PATTERN = "^[-._a-zA-Z0-9]+$"
"""As Kubernetes takes them. Namespace and name become parts of a path, which nobody may bend."""

BUCKET_PATTERN = "^[a-z0-9][a-z0-9.-]*[a-z0-9]$"

VECTOR_NAME_MAX = 200
VECTOR_NAME_PATTERN = "^[A-Za-z0-9_][A-Za-z0-9_.-]*$"

EXTRACTOR_NAME_MAX = 64
EXTRACTOR_NAME_PATTERN = "^[a-z][a-z0-9_]*$"
EXTRACTOR_VERSION_MAX = 16
EXTRACTOR_VERSION_PATTERN = "^v[0-9]+$"

FIELD_NAME_MAX = 255

PROTECTED_FIELDS = (
    "internal_id",
    "namespace_id",
    "collection_id",
    "document_id",
    "bucket_id",
    "object_id",
    "root_object_id",
    "root_bucket_id",
    "source_object_id",
    "batch_id",
    "created_at",
    "updated_at",
)
"""Payload fields of the platform: the operator indexes them itself, users cannot declare them."""

RESERVED_ROOT = "_internal"
"""The platform's private payload object; no path at or below it can be declared."""


def _field_path_pattern(bare: str) -> str:
    # Qdrant prints a path back in its shortest form: quotes only where a key needs them, no leading zeros.
    # Only that form is taken, so that a declared name is found again among the live indexes, and so that
    # `"namespace_id"` in quotes is not a way around the protected names.
    # The class in the middle of the quoted form is the printable ASCII that a bare key cannot hold.
    key = rf'({bare}+|"[^"\\]*[ !#-,./:-@\[\]^`{{-~][^"\\]*")'
    index = r"\[(0|[1-9][0-9]{0,8})?\]"
    return rf"^{key}(\.{key}|{index})*$"


FIELD_PATH_RE2 = _field_path_pattern(r"[\p{L}\p{N}_-]")
FIELD_PATH_PATTERN = _field_path_pattern(r"[\w-]")
"""The same language for Python, where `\\w` is letters and numbers of all scripts and `_`."""


def is_namespace_name(name: str) -> bool:
    """Whether this text can be the name of a namespace: 3-64 letters, digits, `_` or `-`, not beginning with those."""
    within = NAMESPACE_NAME_MIN <= len(name) <= NAMESPACE_NAME_MAX
    return within and re.fullmatch(NAMESPACE_NAME_PATTERN, name) is not None


def is_field_path(path: str) -> bool:
    """Whether this text is a payload path of Qdrant in its shortest form, like `meta.tags[]` or `"unit price"`."""
    return re.fullmatch(FIELD_PATH_PATTERN, path) is not None


def is_reserved_field(path: str) -> bool:
    """Whether this path is, or lies below, the platform's private payload object."""
    return path == RESERVED_ROOT or path.startswith((f"{RESERVED_ROOT}.", f"{RESERVED_ROOT}["))
