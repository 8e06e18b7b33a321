# The two images of BookStore: `docker build --target app .` and `--target operator .`
# PYTHON_IMAGE is pinned by digest in versions.env; `python3 -m cluster images` passes it.
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements-build.lock /src/
RUN python3 -m venv /build \
 && /build/bin/pip install --quiet --require-hashes --no-deps -r /src/requirements-build.lock \
 && python3 -m venv --without-pip /app/venv

FROM build AS app-build
COPY app/requirements.lock /src/app/
RUN /build/bin/pip --python /app/venv/bin/python install --quiet --require-hashes --no-deps --only-binary :all: \
      -r /src/app/requirements.lock \
 # botocore describes each of Amazon's services: the shop needs S3, and those that give it keys.
 && find /app/venv/lib/python3*/site-packages/botocore/data -mindepth 1 -maxdepth 1 -type d \
      ! -name s3 ! -name sts ! -name sso ! -name sso-oidc ! -name signin -exec rm -r {} +
COPY app /src/app
RUN /build/bin/pip wheel --quiet --no-deps --no-build-isolation -w /wheels /src/app \
 && /build/bin/pip --python /app/venv/bin/python install --quiet --no-deps --no-index /wheels/*.whl

FROM build AS operator-build
COPY operator/requirements.lock /src/operator/
RUN /build/bin/pip --python /app/venv/bin/python install --quiet --require-hashes --no-deps --only-binary :all: \
      -r /src/operator/requirements.lock
COPY operator /src/operator
RUN /build/bin/pip wheel --quiet --no-deps --no-build-isolation -w /wheels /src/operator \
 && /build/bin/pip --python /app/venv/bin/python install --quiet --no-deps --no-index /wheels/*.whl \
 # The client's models are imported one by one when used: compiled, all of them are 50 MB.
 && find /app/venv -path '*/client/models/__pycache__' -prune -exec rm -r {} +

FROM ${PYTHON_IMAGE} AS runtime
RUN groupadd --gid 10001 bookstore \
 && useradd --uid 10001 --gid 10001 --home-dir /app --shell /usr/sbin/nologin --no-create-home bookstore \
 && mkdir -p /app/uploads /app/backups /app/keys \
 && chown 10001:10001 /app/uploads /app/backups /app/keys
ENV PATH=/app/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001:10001

FROM runtime AS app
COPY --from=app-build /app/venv /app/venv
ENV FLASK_ENV=production PORT=5000 UPLOADS_DIR=/app/uploads BACKUPS_DIR=/app/backups \
    OUTBOX_DIR=/app/backups/outbox
# Once a block of 19 MiB for a password's hash was freed, glibc takes the next ones from the heaps
# of the threads, and each thread that ever hashed keeps one; so such blocks go back at once.
ENV MALLOC_MMAP_THRESHOLD_=1048576 MALLOC_ARENA_MAX=4
EXPOSE 5000
STOPSIGNAL SIGTERM
ENTRYPOINT ["bookstore"]
CMD ["serve"]

FROM runtime AS operator
COPY --from=operator-build /app/venv /app/venv
EXPOSE 8080 9090
ENTRYPOINT ["bookstore-operator"]
