#!/usr/bin/env bash
# Puts one version of the images into the cluster of the current kubectl context, and waits until it serves:
#   deploy.sh REGISTRY VERSION [OVERLAY]     with PUBLIC_URL; overlays/production by default
# The first thing that fails ends it. The version before serves until the new one is ready.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
  echo "deploy: $1" >&2
  exit 1
}

[ $# -ge 2 ] || fail "usage: deploy.sh REGISTRY VERSION [OVERLAY]"
registry=$1 version=$2 overlay=${3:-production}
[[ $registry =~ ^[a-z0-9][a-z0-9./:_-]*$ ]] || fail "the registry must be like registry.example/newsrec"
[[ $version =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ && $version != latest ]] || fail "the version must be a tag, not latest"
[[ ${PUBLIC_URL:-} =~ ^https?://[A-Za-z0-9.:-]+$ ]] || fail "PUBLIC_URL must be like https://news.example"
[[ $overlay =~ ^[a-z-]+$ && -d k8s/overlays/$overlay ]] || fail "there is no k8s/overlays/$overlay"
command -v kubectl > /dev/null || fail "kubectl is not on PATH"

# An overlay of an overlay, which has to lie beside it.
release=$(mktemp -d k8s/overlays/.release-XXXXXX)
trap 'rm -rf "$release"' EXIT
{
  printf '%s\n' 'apiVersion: kustomize.config.k8s.io/v1beta1' 'kind: Kustomization' "resources: [../$overlay]" 'images:'
  for image in api hooks pipelines airflow mlflow mailer; do
    for name in newsrec registry.example/newsrec; do
      printf '  - {name: %s, newName: %s, newTag: "%s"}\n' "$name/$image" "$registry/$image" "$version"
    done
  done
  printf '%s\n' 'patches:'
  for config in newsrec-api newsrec-mailer; do
    printf '%s\n' '  - patch: |-' '      apiVersion: v1' '      kind: ConfigMap' \
      "      metadata: {name: $config, namespace: newsrec}" "      data: {PUBLIC_URL: \"$PUBLIC_URL\"}"
  done
  printf '%s\n' '  - patch: |-' '      apiVersion: v1' '      kind: ConfigMap' \
    '      metadata: {name: airflow, namespace: newsrec}' \
    "      data: {NEWSREC_POD_IMAGE: \"$registry/{component}:$version\"}"
} > "$release/kustomization.yaml"
kubectl kustomize "$release" > "$release/all.yaml"

on_cluster() {
  kubectl --namespace newsrec "$@"
}
# What this version consists of, like job.batch/migrations: the namespace may hold more.
names=$(kubectl create --dry-run=client --filename "$release/all.yaml" --output=name)
jobs=$(grep '^job\.' <<< "$names")
workloads=$(grep -E '^(deployment|statefulset)\.' <<< "$names")

# A Job cannot be changed: what ran is removed, and what is applied runs anew.
# shellcheck disable=SC2086 # a word each
on_cluster delete --ignore-not-found --wait=true $jobs
kubectl apply --filename "$release/all.yaml"
for job in $jobs; do
  on_cluster wait --for=condition=complete --timeout=10m "$job" || {
    on_cluster logs "$job" --all-containers --tail=20 >&2 || true
    fail "$job did not complete; the version before still serves"
  }
done
for workload in $workloads; do
  on_cluster rollout status "$workload" --timeout=10m || {
    on_cluster get pods --output=wide >&2 || true
    fail "$workload is not ready; the version before still serves"
  }
done
echo "deploy: $version serves"
