#!/bin/sh
# InfluxQL reads need the mapping database/retention policy -> bucket.
set -eu
influx v1 dbrp create --bucket-id "$DOCKER_INFLUXDB_INIT_BUCKET_ID" --db cc --rp autogen --default \
  --org "$DOCKER_INFLUXDB_INIT_ORG" --token "$DOCKER_INFLUXDB_INIT_ADMIN_TOKEN"
