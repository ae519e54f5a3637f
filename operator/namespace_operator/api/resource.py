"""The resource as Kubernetes addresses it, and the object as the API server hands it over."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from namespace_operator.api.base import ApiModel
from namespace_operator.api.names import NAMESPACE_NAME_MAX, NAMESPACE_NAME_MIN, is_namespace_name
from namespace_operator.api.rules import Rule
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.api.spec_rules import RESOURCE_TRANSITIONS
from namespace_operator.api.status import NamespaceStatus

GROUP = "mixpeek.com"
VERSION = "v1"
KIND = "Namespace"
# Not "namespaces": the API server would take objects of any resource of that name for Kubernetes namespaces
# when it matches namespaceSelectors, and a tenant could label himself out of every policy.
PLURAL = "mixpeeknamespaces"
SINGULAR = "mixpeeknamespace"
SHORT_NAME = "mns"
CATEGORY = "mixpeek"
FINALIZER = "mixpeek.com/namespace"
CRD_NAME = f"{PLURAL}.{GROUP}"
API_VERSION = f"{GROUP}/{VERSION}"

_USABLE_NAME = f"'^[A-Za-z0-9][A-Za-z0-9_-]{{{NAMESPACE_NAME_MIN - 1},{NAMESPACE_NAME_MAX - 1}}}$'"


class ObjectMeta(ApiModel):
    """What the models need of the metadata."""

    name: str


class NamespaceResource(ApiModel):
    """A Mixpeek namespace: its vectors and payload indexes in Qdrant, its document in MongoDB."""

    rules: ClassVar[tuple[Rule[Any], ...]] = (
        Rule(
            # An object that slipped past an older schema stays writable: without the last clause even its status
            # and finalizers could not be changed any more.
            cel=(
                f"has(self.spec.namespaceName) || self.metadata.name.matches({_USABLE_NAME})"
                " || (oldSelf.hasValue() && !has(oldSelf.value().spec.namespaceName))"
            ),
            message=(
                "metadata.name {metadata.name} cannot serve as namespaceName"
                f" ({NAMESPACE_NAME_MIN}-{NAMESPACE_NAME_MAX} letters, digits, _ or -); set spec.namespaceName"
            ),
            check=lambda resource: (
                resource.spec.namespace_name is not None or is_namespace_name(resource.metadata.name)
            ),
            field_path=("spec", "namespaceName"),
            optional_old_self=True,
        ),
    )

    transition_rules: ClassVar = RESOURCE_TRANSITIONS

    metadata: ObjectMeta
    spec: Annotated[NamespaceSpec, Field(description="The wanted namespace.")]
    status: Annotated[NamespaceStatus | None, Field(description="The namespace as the operator last found it.")] = None

    @property
    def namespace_name(self) -> str:
        """The name in force."""
        return self.spec.name_for(self.metadata.name)
