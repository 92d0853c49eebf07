# One image for every service; the command says which.
FROM python:3.13-slim-bookworm AS build
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements/ requirements/
RUN python -m venv .venv \
 && .venv/bin/pip install --quiet --require-hashes -r requirements/uv.txt \
 && .venv/bin/uv pip install --quiet --require-hashes --python .venv/bin/python -r requirements/all.txt
COPY . .
RUN .venv/bin/python -m portal.vendor && rm -rf node_modules

FROM python:3.13-slim-bookworm
# pg_dump and pg_restore for `python -m backup`; they must not be older than the server. The fonts set Hindi in reports.
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends postgresql-client fonts-noto-core \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home /app sheetal && mkdir -p /srv/mirror /srv/gateways /srv/demo \
 && chown sheetal /srv/mirror /srv/gateways /srv/demo
WORKDIR /app
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER sheetal
CMD ["python", "-m", "portal"]
