"""docs/reference/catalog.md: the extractors of the built-in catalog."""

from __future__ import annotations

from namespace_operator.domain.catalog import Catalog, CatalogExtractor, CatalogParameter, CatalogVector

_PAGE = """\
<!-- Made by `make generate`; changes belong in operator/namespace_operator/domain/catalog.yaml. -->
# The built-in catalog

What `featureExtractors` of a Namespace can name unless the platform has a catalog of its own (`catalog` of the
[chart](values.md)). `namespace-operator catalog list` shows the one in force. A vector that several extractors name is
one and the same: they share a model. What a Namespace gives as `params` shapes the vectors and is locked once they are
[registered](../concepts/extractors.md).

{sections}"""


def catalog_page(catalog: Catalog) -> str:
    """The page, an extractor a section."""
    return _PAGE.format(sections="\n".join(map(_section, catalog.extractors)))


def _section(extractor: CatalogExtractor) -> str:
    lines = [f"## {extractor.feature_extractor_id}", ""]
    lines += [f"`featureExtractorName: {extractor.name}`, `version: {extractor.version}`", ""]
    if extractor.vectors:
        lines += ["| vector | kind | size | distance | datatype | inference service |", "|---|---|---|---|---|---|"]
        lines += map(_vector, extractor.vectors)
    else:
        lines.append("It writes no vectors.")
    if extractor.parameters:
        lines += ["", "| `params` | values | of the vector |", "|---|---|---|", *map(_parameter, extractor.parameters)]
    return "\n".join(lines) + "\n"


def _vector(vector: CatalogVector) -> str:
    shape = (vector.kind, vector.size or "", vector.distance or "", vector.datatype)
    return f"| `{vector.name}` | {' | '.join(map(str, shape))} | `{vector.inference_service}` |"


def _parameter(parameter: CatalogParameter) -> str:
    return f"| `{parameter.name}` | {parameter.allowed()} | `{parameter.vector}` |"
