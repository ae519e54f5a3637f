"""Vocabulary of named vectors."""

from enum import StrEnum


class VectorKind(StrEnum):
    """How a named vector is stored."""

    DENSE = "dense"
    SPARSE = "sparse"
    MULTI_DENSE = "multi_dense"


class Metric(StrEnum):
    """How two dense vectors are compared."""

    COSINE = "cosine"
    DOT = "dot"
    EUCLIDEAN = "euclidean"
    MANHATTAN = "manhattan"
