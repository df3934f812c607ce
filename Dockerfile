# One image a role: engine, agent, backend, fleetdata, gateway, router. `make images` collects the wheels and builds
# them; nothing is fetched or compiled in here, so BASE may be any image with the Python the wheels are for.
# Every role runs as the user heddle (10001) and wants an init: `docker run --init`, compose's `init: true`.
# What it is made of stands in it: /opt/sbom.cdx.json. `tools/images.sh` puts the labels on.
# Stages stand in the order of their size: a builder without BuildKit builds all that stand before its target.
ARG BASE=python:3.11-slim

FROM ${BASE} AS base
# Nothing is ever installed into a container: no pip, where the base brings one.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3.*/ensurepip \
 /usr/local/lib/python3.*/site-packages/pip* /usr/local/lib/python3.*/site-packages/setuptools* /usr/local/lib/python3.*/site-packages/wheel*
RUN echo 'heddle:x:10001:10001::/data:/usr/sbin/nologin' >>/etc/passwd && echo 'heddle:x:10001:' >>/etc/group \
 && mkdir /data && chown 10001:10001 /data
COPY tools/image-health.py /usr/local/bin/healthy
ENV PYTHONPATH=/opt/heddle:/opt/packages PATH=/opt/heddle/bin:/opt/packages/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HEDDLE_LOG=json
WORKDIR /data

FROM base AS install
COPY .build/wheels/build /wheels/build
COPY tools/install-wheels.sh /usr/local/bin/

FROM install AS heddle-wheel
COPY .build/wheels/heddle /wheels/heddle
RUN install-wheels.sh /wheels/heddle /opt/heddle

FROM install AS engine-packages
COPY .build/wheels/engine /wheels/engine
RUN install-wheels.sh /wheels/engine /opt/packages

FROM base AS engine
COPY --from=engine-packages /opt/packages /opt/packages
COPY .build/sbom/engine.cdx.json /opt/sbom.cdx.json
COPY --from=heddle-wheel /opt/heddle /opt/heddle
LABEL heddle.role=engine
USER heddle
ENTRYPOINT ["python3", "-m", "edge_agent.engine"]

FROM install AS agent-packages
COPY .build/wheels/agent /wheels/agent
RUN install-wheels.sh /wheels/agent /opt/packages

FROM base AS agent
COPY --from=agent-packages /opt/packages /opt/packages
COPY .build/sbom/agent.cdx.json /opt/sbom.cdx.json
COPY --from=heddle-wheel /opt/heddle /opt/heddle
USER heddle
VOLUME /data
ENV AGENT_DATA=/data
ENTRYPOINT ["python3", "-m", "edge_agent"]

FROM install AS services-packages
COPY .build/wheels/services /wheels/services
RUN install-wheels.sh /wheels/services /opt/packages

FROM base AS services
COPY --from=services-packages /opt/packages /opt/packages
COPY .build/sbom/services.cdx.json /opt/sbom.cdx.json
COPY --from=heddle-wheel /opt/heddle /opt/heddle
USER heddle

FROM services AS backend
ENTRYPOINT ["python3", "-m", "services.backend"]

FROM services AS fleetdata
ENTRYPOINT ["python3", "-m", "services.fleetdata"]

FROM services AS gateway
ENV GATEWAY_LISTEN=0.0.0.0:8081
EXPOSE 8081
ENTRYPOINT ["python3", "-m", "services.gateway"]

FROM install AS router-packages
COPY .build/wheels/router /wheels/router
RUN install-wheels.sh /wheels/router /opt/packages

FROM base AS router
COPY --from=router-packages /opt/packages /opt/packages
COPY .build/sbom/router.cdx.json /opt/sbom.cdx.json
COPY --from=heddle-wheel /opt/heddle /opt/heddle
COPY crossbar /opt/heddle/crossbar
COPY services/web/dist /opt/page
ENV ROUTER_WEB_DIR=/opt/page
USER heddle
VOLUME /data
EXPOSE 8080 8081
STOPSIGNAL SIGINT
ENTRYPOINT ["python3", "-m", "services.gatekeeper.node"]
