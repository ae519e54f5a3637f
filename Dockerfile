# A release should pin the base by digest (python:3.11-slim-bookworm@sha256:…): the tag moves with Debian's security
# updates. It is not pinned here, so that a plain build always gets them.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# The environment goes into the image as it is, so it gets what the operator needs and no pip; this stage's installs.
RUN python -m venv --without-pip /opt/namespace-operator
WORKDIR /src
COPY pyproject.toml constraints.txt README.md ./
COPY operator ./operator
# In the environment, and not as an option, the constraints also hold for what builds the wheel.
ENV PIP_CONSTRAINT=/src/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN pip --python /opt/namespace-operator/bin/python install .
# What is in it, for scanners; the tool that says so stays in this stage.
RUN python -m venv /opt/sbom && /opt/sbom/bin/pip install cyclonedx-bom && \
    /opt/sbom/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
    -o /opt/sbom/namespace-operator.cdx.json /opt/namespace-operator/bin/python

FROM ${BASE}
ARG BASE
COPY --from=build /opt/namespace-operator /opt/namespace-operator
COPY --from=build /opt/sbom/namespace-operator.cdx.json /usr/local/share/sbom/
# The root file system is read-only in the cluster, so there is nowhere to put byte code; pip has compiled all.
ENV PATH=/opt/namespace-operator/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# By number: Kubernetes cannot check a name against runAsNonRoot.
USER 65532:65532
ENTRYPOINT ["namespace-operator"]
CMD ["run"]
# `make image` knows them. They come last, so that a new commit alone makes no new layers.
ARG VERSION
ARG REVISION
ARG CREATED
LABEL org.opencontainers.image.title="namespace-operator" \
      org.opencontainers.image.description="Reconciles Mixpeek Namespaces into Qdrant and MongoDB" \
      org.opencontainers.image.vendor="Mixpeek" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${BASE}"
