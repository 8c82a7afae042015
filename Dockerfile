# The images of clipseek; docker/README.md says how to run them and how this file is tested.
#
#   docker build --target api --tag clipseek-api .          searches; contains no torch
#   docker build --target indexer --tag clipseek-indexer .  ingests, and exports models with open_clip
#   docker build --target gpu --tag clipseek-gpu .          both roles, on CUDA
#
# `indexer` is built on the layers of `api`, so a machine that runs both stores them once. Packages are
# in /opt/venv, in layers that change with docker/locks, which has the hash of each. The code is in /app.

ARG BASE_IMAGE=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d


FROM ${BASE_IMAGE} AS base

LABEL org.opencontainers.image.title="clipseek" \
    org.opencontainers.image.description="Find the moment in your videos that a sentence describes." \
    org.opencontainers.image.licenses="Apache-2.0"

ARG APT_MIRROR=

# The base image is pinned, so this step installs the security fixes that Debian has made since then.
RUN if [ -n "${APT_MIRROR}" ]; then \
        sed --in-place --regexp-extended "s|^(URIs: )https?://[^/]+|\1${APT_MIRROR}|" \
            /etc/apt/sources.list.d/debian.sources; \
    fi \
    && apt-get update \
    && apt-get upgrade --yes \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/*.log /var/cache/ldconfig /var/cache/debconf/*-old

RUN groupadd --gid 10001 clipseek \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/clipseek --no-create-home \
        --shell /usr/sbin/nologin clipseek \
    && install --directory --owner=10001 --group=10001 --mode=0755 /var/lib/clipseek /uploads /excerpts /fetched /objects \
    && rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid- \
    # A new volume of Milvus gets the user of its image from here.
    && install --directory --owner=999 --group=0 --mode=0750 /var/lib/milvus

ENV PATH=/app/bin:/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1


# What images are built with and do not have: `strip`, of any version, and the program that makes a layer
# small. They have no pip of their own either: that of the base image writes to their environment.
FROM base AS tools

# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils \
    && rm -rf /var/lib/apt/lists/*
COPY docker/slim.py /build/


FROM base AS app

ARG PIP_INDEX_URL=
ARG PIP_CERT=

# The scripts in /app/bin start with this path; the images have their own environment there.
COPY docker/locks/build.txt /build/
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --only-binary=:all: --require-hashes \
        --requirement /build/build.txt

WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY indexer indexer
COPY api api
# Compiled files name a hash in place of a time, so that the same code makes the same layer.
RUN /opt/venv/bin/pip install --no-cache-dir --no-compile --no-index --no-deps --no-build-isolation \
        --target /app . \
    && python -m compileall -q --invalidation-mode unchecked-hash /app


FROM tools AS packages-of-api

ARG PIP_INDEX_URL=
ARG PIP_CERT=

# Remove 170 MB that the image does not need: tests, symbols of libraries, a download accelerator (which
# `indexer` installs again), and bytecode of modules that are never imported. Modules that a start imports
# are compiled, which saves 2 s of CPU at each start on a read-only root file system.
COPY docker/locks/api.txt /build/
RUN python -m venv --without-pip /opt/venv \
    && pip --python=/opt/venv install --no-cache-dir --no-compile --only-binary=:all: --no-deps \
        --require-hashes --requirement /build/api.txt \
    && pip --python=/opt/venv uninstall --yes hf-xet \
    && /opt/venv/bin/python /build/slim.py /opt/venv alembic.command av faiss fastapi httptools \
        onnx onnxruntime PIL.Image prometheus_client psycopg.pq pydantic_settings redis rich.progress \
        sqlalchemy.dialects.postgresql.psycopg sqlalchemy.dialects.sqlite tokenizers uvicorn.config uvloop


FROM base AS packages

COPY --from=packages-of-api /opt/venv /opt/venv

ENV CLIPSEEK_DATA_DIR=/var/lib/clipseek \
    CLIPSEEK_API_HOST=0.0.0.0 \
    CLIPSEEK_API_PORT=8000 \
    CLIPSEEK_LOG_FORMAT=json


FROM packages AS api

COPY --from=app /app /app
WORKDIR /app
USER 10001:10001
VOLUME ["/var/lib/clipseek"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=4s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['CLIPSEEK_API_PORT']), timeout=3); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["python", "-m", "api"]


FROM packages-of-api AS packages-of-indexer

ARG PIP_INDEX_URL=
ARG PIP_CERT=
# Name an index of torch builds without CUDA, which saves several GB. Only torch comes from there. Its
# files have other hashes, so that index is trusted, and the other packages that such a build needs are
# pinned by version only.
ARG TORCH_INDEX_URL=

# What comes on top of `api` is in /layers: torch alone, which changes least often, and the rest.
COPY constraints.txt docker/locks/torch.txt /build/
RUN touch /build/mark \
    && if [ -n "${TORCH_INDEX_URL}" ]; then \
        pip --python=/opt/venv install --no-cache-dir --no-compile --no-deps \
            --index-url "${TORCH_INDEX_URL}" --constraint /build/constraints.txt torch torchvision; \
    else \
        pip --python=/opt/venv install --no-cache-dir --no-compile --only-binary=:all: --no-deps \
            --require-hashes --requirement /build/torch.txt; \
    fi \
    && /opt/venv/bin/python /build/slim.py --layer /layers/torch --since /build/mark /opt/venv
COPY docker/locks/indexer.txt /build/
RUN touch /build/mark \
    && pip --python=/opt/venv install --no-cache-dir --no-compile --only-binary=:all: --no-deps \
        --require-hashes --requirement /build/indexer.txt \
    && if [ -n "${TORCH_INDEX_URL}" ]; then \
        pip --python=/opt/venv install --no-cache-dir --no-compile --constraint /build/constraints.txt \
            torch torchvision; \
    fi \
    && /opt/venv/bin/python /build/slim.py --layer /layers/indexer --since /build/mark /opt/venv \
        ray similari torch watchdog.observers


FROM packages AS indexer

COPY --from=packages-of-indexer /layers/torch /
COPY --from=packages-of-indexer /layers/indexer /
COPY --from=app /app /app
# Weights that are downloaded from a hub stay in the volume.
ENV HF_HOME=/var/lib/clipseek/hub
WORKDIR /app
USER 10001:10001
VOLUME ["/var/lib/clipseek"]
ENTRYPOINT ["python", "-m", "indexer"]
CMD ["--help"]


FROM tools AS packages-of-gpu

ARG PIP_INDEX_URL=
ARG PIP_CERT=
# CUDA 12, as FAISS needs it (faiss-gpu-cu12), so the image contains CUDA once. The host has the driver.
ARG TORCH_INDEX_URL=

COPY constraints.txt docker/locks/torch.txt /build/
RUN touch /build/mark \
    && python -m venv --without-pip /opt/venv \
    && if [ -n "${TORCH_INDEX_URL}" ]; then \
        pip --python=/opt/venv install --no-cache-dir --no-compile --no-deps \
            --index-url "${TORCH_INDEX_URL}" --constraint /build/constraints.txt torch torchvision; \
    else \
        pip --python=/opt/venv install --no-cache-dir --no-compile --only-binary=:all: --no-deps \
            --require-hashes --requirement /build/torch.txt; \
    fi \
    && /opt/venv/bin/python /build/slim.py --layer /layers/torch --since /build/mark /opt/venv
COPY docker/locks/gpu.txt /build/
RUN touch /build/mark \
    && pip --python=/opt/venv install --no-cache-dir --no-compile --only-binary=:all: --no-deps \
        --require-hashes --requirement /build/gpu.txt \
    && if [ -n "${TORCH_INDEX_URL}" ]; then \
        pip --python=/opt/venv install --no-cache-dir --no-compile --constraint /build/constraints.txt \
            torch torchvision; \
    fi \
    && /opt/venv/bin/python /build/slim.py --layer /layers/gpu --since /build/mark /opt/venv \
        fastapi onnx onnxruntime psycopg.pq similari torch uvicorn.config uvloop


FROM base AS gpu

COPY --from=packages-of-gpu /layers/torch /
COPY --from=packages-of-gpu /layers/gpu /
COPY --from=app /app /app
ENV CLIPSEEK_DATA_DIR=/var/lib/clipseek \
    CLIPSEEK_API_HOST=0.0.0.0 \
    CLIPSEEK_API_PORT=8000 \
    CLIPSEEK_LOG_FORMAT=json \
    HF_HOME=/var/lib/clipseek/hub \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /app
USER 10001:10001
VOLUME ["/var/lib/clipseek"]
EXPOSE 8000
# Both roles: `clipseek-gpu` serves, `clipseek-gpu indexer ingest /videos` ingests. A health check for one
# role would fail in the other, so the image has none: add one where you run it as the API.
HEALTHCHECK NONE
ENTRYPOINT ["python", "-m"]
CMD ["api"]
