# The service as an image. Two targets: `service`, the default, which also trains and falls back to
# scikit-learn; `onnx`, which only serves versions with a certified ONNX engine, at less than half the size.
#   docker build -t model-service .
#   docker build -t model-service:onnx --target onnx .
FROM python:3.11.17-slim-bookworm AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.txt requirements-onnx.txt ./
# Wheels only, so no compiler is needed here either. The packages' own tests and headers stay behind.
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --only-binary :all: -r requirements-onnx.txt \
    && find /opt/venv -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +

FROM packages AS training-packages
RUN pip --python /opt/venv/bin/python install --only-binary :all: -r requirements.txt \
    && find /opt/venv -type d \( -name tests -o -name test -o -path '*/pyarrow/include' \) -prune -exec rm -rf {} +

# Python without what only installs and explains, and without programs that give more rights than their caller has.
# A number is what Kubernetes can see not to be root. Volumes take over the owner of these folders.
FROM python:3.11.17-slim-bookworm AS python
RUN rm -rf "$(python -c 'import pathlib, pip; print(pathlib.Path(pip.__file__).parent)')" \
        /usr/bin/pip* /usr/local/bin/pip* /var/cache/* /var/lib/apt/lists/* /usr/share/man /usr/share/locale \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin service \
    && install -d -o service -g service /models /logs

# From nothing, because what a layer deletes stays in the layers below it.
FROM scratch AS base
COPY --from=python / /
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1 \
    ORT_DISABLE_TELEMETRY=1 \
    APP_ENV=production \
    HOST=0.0.0.0 \
    PORT=8080 \
    MODELS_DIR=/models
WORKDIR /app
COPY deploy/entrypoint.sh /usr/local/bin/entrypoint
COPY config.py run.py gunicorn.conf.py ./
COPY gunicorn_worker gunicorn_worker
COPY app app
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
# start-period: the first start trains.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ.get(\"AIP_HTTP_PORT\") or os.environ[\"PORT\"]}/api/health/ready', timeout=4)"]
ENTRYPOINT ["entrypoint"]
CMD ["gunicorn", "run:app"]
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Model service" \
      org.opencontainers.image.description="Serves scikit-learn models over HTTP" \
      org.opencontainers.image.documentation="docs/deployment.md" \
      org.opencontainers.image.base.name="python:3.11.17-slim-bookworm" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION

FROM base AS onnx
COPY --from=packages /opt/venv /opt/venv

FROM base AS service
COPY --from=training-packages /opt/venv /opt/venv
COPY train_model.py ./
