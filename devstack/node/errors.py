"""Why a Pod or one of its containers cannot run."""


class ContainerConfigError(Exception):
    """A ConfigMap, Secret or field that a container needs is missing; tried again, since it may appear."""


class UnsupportedError(Exception):
    """The Pod asks for something that this stand-in does not do; the Pod fails and its status says so."""
