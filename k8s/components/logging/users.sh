#!/usr/bin/env bash
# Gives Kibana and the shipper users of their own, and logs an end after thirty days. Safe to run again.
set -euo pipefail
for name in ELASTIC_PASSWORD KIBANA_PASSWORD SHIPPER_PASSWORD; do
  if ! [[ "${!name:-}" =~ ^[A-Za-z0-9_-]{16,}$ ]]; then
    echo "$name must be 16 or more letters, digits, - and _" >&2
    exit 1
  fi
done

# Neither the password nor a body is an argument, which everybody may see.
ask() {
  local method=$1 path=$2 body=$3
  printf '%s' "$body" |
    curl --config <(printf 'user = "elastic:%s"\n' "$ELASTIC_PASSWORD") --silent --show-error --fail-with-body \
      --max-time 30 --request "$method" --header 'Content-Type: application/json' --data @- "$ELASTICSEARCH_URL$path" >&2
}

ask POST /_security/user/kibana_system/_password "{\"password\": \"$KIBANA_PASSWORD\"}"
ask PUT /_security/role/log_shipper \
  '{"cluster": ["monitor"], "indices": [{"names": ["logs-newsrec-*"], "privileges": ["create_doc", "auto_configure"]}]}'
ask PUT /_security/user/log_shipper "{\"password\": \"$SHIPPER_PASSWORD\", \"roles\": [\"log_shipper\"]}"
# More specific than Elasticsearch's own template for logs-*-*, whose parts it takes.
ask PUT /_index_template/logs-newsrec '{
  "index_patterns": ["logs-newsrec-*"], "priority": 200, "data_stream": {},
  "composed_of": ["logs@mappings", "ecs@mappings"],
  "template": {"lifecycle": {"data_retention": "30d"}, "settings": {"number_of_replicas": 0}}
}'
