# The operator's image. BASE needs python3 with venv.
ARG BASE=python:3.12-slim
FROM ${BASE} AS build
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE CHANGELOG.md ./
COPY crds crds
COPY operator operator
# Wheels made outside (dist/wheels) serve where no package index can be reached.
COPY LICENSE dist/wheels*/* /wheels/
RUN python3 -m venv /opt/kubesaga \
 && if ls /wheels/*.whl >/dev/null 2>&1; then \
      /opt/kubesaga/bin/python -m pip install --no-cache-dir --no-index --find-links /wheels kubesaga; \
    else \
      /opt/kubesaga/bin/python -m pip install --no-cache-dir --require-hashes --requirement requirements.lock \
      && /opt/kubesaga/bin/python -m pip install --no-cache-dir --no-deps .; \
    fi \
 && /opt/kubesaga/bin/python -m pip uninstall --yes --quiet pip

FROM ${BASE}
COPY --from=build /opt/kubesaga /opt/kubesaga
USER 65532:65532
ENV PYTHONUNBUFFERED=1
EXPOSE 8080
ENTRYPOINT ["/opt/kubesaga/bin/kubesaga"]
CMD ["operator"]
