"""deploy.sh with a cluster that a test decides: what it is given, and where it stops."""

import os
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from support.cluster import K8S, REPOSITORY, Object, containers, named, templates

SCRIPT = REPOSITORY / "infra/deploy/deploy.sh"
URL = "https://news.publisher.example"
# kubectl as far as a cluster is concerned; what needs none is the real one's work.
FAKE = """#!/usr/bin/env bash
[ "$1" = kustomize ] && exec "{kubectl}" "$@"
echo "$*" >> "{log}"
case "$*" in
  *"$FAILS"*) echo "the cluster said no" >&2; exit 1 ;;
  create\\ --dry-run*)
    cp "$4" "{manifest}"
    printf '%s\\n' configmap/airflow deployment.apps/kong job.batch/migrations \\
      statefulset.apps/prometheus cronjob.batch/backup job.batch/airflow-migrate ;;
esac
"""


@dataclass
class Deployed:
    """What deploy.sh did."""

    status: int
    error: str
    calls: list[str]
    manifest: Path

    @property
    def objects(self) -> list[Object]:
        return list(yaml.safe_load_all(self.manifest.read_text(encoding="utf-8")))


@pytest.fixture
def deploy(tmp_path: Path):
    """Run deploy.sh; calls of kubectl that hold `fails` fail."""
    log, manifest = tmp_path / "calls", tmp_path / "all.yaml"
    fake = tmp_path / "bin/kubectl"
    fake.parent.mkdir()
    real = Path(sysconfig.get_path("scripts")) / "kubectl"
    fake.write_text(FAKE.format(kubectl=real, log=log, manifest=manifest), encoding="utf-8")
    fake.chmod(0o755)

    def run(*arguments: str, fails: str = "never", url: str = URL) -> Deployed:
        path = f"{fake.parent}:{os.environ['PATH']}"
        done = subprocess.run(
            [SCRIPT, *arguments],
            env={**os.environ, "PATH": path, "FAILS": fails, "PUBLIC_URL": url},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        calls = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        assert not list(K8S.glob("overlays/.release-*")), "it left its overlay behind"
        return Deployed(done.returncode, done.stderr, calls, manifest)

    return run


def verbs(calls: list[str]) -> list[str]:
    """What was done, without where."""
    words = [c.removeprefix("--namespace newsrec ").split() for c in calls]
    return [f"{w[0]} {w[2]}" if w[0] == "rollout" else w[0] for w in words]


def test_one_version_of_everything_is_applied_and_waited_for(deploy) -> None:
    done = deploy("ghcr.io/publisher/newsrec", "abc123")
    assert (done.status, done.error) == (0, "")
    assert verbs(done.calls) == [
        "create",
        "delete",
        "apply",
        "wait",
        "wait",
        "rollout deployment.apps/kong",
        "rollout statefulset.apps/prometheus",
    ]
    assert "delete --ignore-not-found --wait=true job.batch/migrations" in done.calls[1]
    ours = {
        c["image"]
        for _, t in templates(done.objects)
        for c in containers(t)
        if "newsrec" in c["image"]
    }
    names = {image.rpartition(":")[0] for image in ours}
    assert ours == {f"{name}:abc123" for name in names}
    assert {name.rpartition("/")[0] for name in names} == {"ghcr.io/publisher/newsrec"}
    assert {name.rpartition("/")[2] for name in names} >= {"api", "hooks", "pipelines", "airflow"}
    airflow = named(done.objects, "ConfigMap", "airflow")["data"]
    assert airflow["NEWSREC_POD_IMAGE"] == "ghcr.io/publisher/newsrec/{component}:abc123"
    for name in ("newsrec-api", "newsrec-mailer"):
        assert named(done.objects, "ConfigMap", name)["data"]["PUBLIC_URL"] == URL


@pytest.mark.parametrize(
    ("fails", "last"),
    [
        ("create", "create"),
        ("delete", "delete"),
        ("apply", "apply"),
        ("wait --for", "logs"),
        ("rollout status deployment.apps/kong", "get"),
    ],
)
def test_what_fails_stops_the_rest(deploy, fails: str, last: str) -> None:
    done = deploy("ghcr.io/publisher/newsrec", "abc123", fails=fails)
    assert done.status == 1
    assert done.error
    assert verbs(done.calls)[-1] == last
    if last in ("logs", "get"):
        assert "the version before still serves" in done.error
        assert verbs(done.calls).count(fails.split()[0]) <= 1


@pytest.mark.parametrize(
    ("arguments", "url", "said"),
    [
        ([], URL, "usage"),
        (["ghcr.io/x"], URL, "usage"),
        (["ghcr.io/X y", "1"], URL, "the registry"),
        (["ghcr.io/x", "latest"], URL, "the version"),
        (["ghcr.io/x", "1\n2"], URL, "the version"),
        (["ghcr.io/x", "1", "../kind"], URL, "there is no"),
        (["ghcr.io/x", "1", "staging"], URL, "there is no"),
        (["ghcr.io/x", "1"], "", "PUBLIC_URL"),
        (["ghcr.io/x", "1"], 'https://x"', "PUBLIC_URL"),
    ],
)
def test_what_makes_no_sense_touches_no_cluster(
    deploy, arguments: list[str], url: str, said: str
) -> None:
    done = deploy(*arguments, url=url)
    assert done.status == 1
    assert done.error.startswith("deploy: ")
    assert said in done.error
    assert done.error.count("\n") == 1
    assert done.calls == []
