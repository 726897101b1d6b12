"""Every panel against a Prometheus that scrapes the real programs, after a small world's days."""

import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import urllib3
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from newsrec_dags import callbacks

from newsrec_pipelines import cli
from support.alerting import HTTP, eventually, program, prometheus, pushgateway, run
from support.api_server import api_server
from support.dashboards import dashboards, queries
from support.fake_airflow import FakeAirflow, fake_airflow
from support.hooks_server import hooks_server
from support.metrics import exporters, names, rules
from support.net import free_port
from support.outcomes import DAY, Rows
from support.postgres import REPOSITORY, query

# Who cannot run here, and why; of these it is only checked that Prometheus can read the question.
NOT_HERE = {
    "kong": "there is Kong's image only",
    "airflow": "it needs a scheduler and an exporter; see tests/dags/test_statsd.py",
}
PARAMS = """
extends: {base}
world: {{readers: 60, articles_per_day: 50, start: "2026-03-07"}}
als: {{epochs: 2}}
ranker: {{trees: 10}}
backtest: {{bootstrap: 50}}
monitoring: {{drift: {{least_days: 2, mix_days: 2, reference_days: 3, taste_days: 2}}}}
"""
LAST, SERVED = "2026-03-09", DAY.isoformat()


def test_every_metric_of_a_rule_or_panel_has_an_exporter() -> None:
    known = exporters()
    asked = [(q.where, q.expression) for q in queries()]
    asked += [(str(r.get("alert", r.get("record"))), r["expr"]) for r in rules()]
    unknown = {(where, name) for where, e in asked for name in names(e) - set(known)}
    assert unknown == set()
    assert len({name for _, e in asked for name in names(e)}) > 50


def test_names_are_those_of_metrics_only() -> None:
    expression = """
        histogram_quantile(0.95, sum by (le, n) (rate(newsrec_a_bucket{x=~"up|b", y!="c"}[5m])))
        / on (x) group_left (z) max_over_time(ns:b:rate5m[1h:1m]) > bool 1e3 and d unless e{job="f"}
    """
    assert names(expression) == {"newsrec_a_bucket", "ns:b:rate5m", "d", "e"}


def test_every_question_can_be_read(tmp_path: Path) -> None:
    asked = [{"record": f"panel:q{n}", "expr": q.expression} for n, q in enumerate(queries())]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": asked}]}))
    checked = run("promtool", "check", "rules", str(file))
    assert checked.returncode == 0, checked.stdout
    asked[0]["expr"] += ")"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": asked}]}))
    assert run("promtool", "check", "rules", str(file)).returncode == 1


@pytest.mark.parametrize("name", dashboards())
def test_a_dashboard_is_whole_and_says_what_its_numbers_are(name: str) -> None:
    dashboard = dashboards()[name]
    assert dashboard["uid"] == f"newsrec-{name}"
    assert dashboard["title"].startswith("newsrec: ")
    assert "id" not in dashboard  # Grafana's own, different in each installation
    panels = dashboard["panels"]
    assert [p["id"] for p in panels] == list(range(1, len(panels) + 1))
    assert len({p["title"] for p in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["datasource"] == {"type": "prometheus", "uid": "prometheus"}
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert [t["refId"] for t in panel["targets"]] == list("ABCDEFG"[: len(panel["targets"])])
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_panel_shows_something(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = exporters()
    with ExitStack() as running:
        gateway = running.enter_context(pushgateway(tmp_path))
        monkeypatch.setenv("PUSHGATEWAY_URL", gateway)
        _days(database_url, tmp_path, monkeypatch)
        _tasks()
        programs = _programs(running, gateway, database_url, tmp_path)
        server = running.enter_context(prometheus(tmp_path, programs, _certificates(programs)))
        # One before the first scrape, so that counters are known, and one after it.
        _ask(programs["api"], database_url)
        eventually(lambda: _series(server, "newsrec_api_slate_seconds_count"), "the API is asked")
        _ask(programs["api"], database_url)

        here = [q for q in queries() if not {known[n] for n in names(q.expression)} & set(NOT_HERE)]
        assert len(here) > 60
        shown: set[str] = set()

        def all_show_something() -> bool:
            for q in here:
                if q.expression not in shown and _series(server, q.expression):
                    shown.add(q.expression)
            return all(q.expression in shown for q in here)

        try:
            eventually(all_show_something, "every panel shows something")
        except AssertionError as e:
            empty = [q for q in here if q.expression not in shown]
            raise AssertionError("\n".join(f"{q.where}: {q.expression}" for q in empty)) from e
        # A name that nobody has would have been seen.
        assert _series(server, "newsrec_realised_dwell_second") == 0
        # What readers gave us is a number, and not only a series.
        assert _series(server, 'newsrec_realised_dwell_seconds{variant="champion"} > 0') == 1


def _days(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All stages of three days and of the next one, which readers see."""
    params = folder / "params.yaml"
    params.write_text(PARAMS.format(base=REPOSITORY / "params.yaml"))
    monkeypatch.setenv("NEWSREC_VAR", str(folder / "var"))
    monkeypatch.setenv("NEWSREC_PARAMS", str(params))
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.delenv("STORE_URL", raising=False)
    _stage("simulate", "days", "--from", "2026-03-07", "--to", SERVED)
    _stage("etl", "--from", "2026-03-07", "--to", LAST)
    _stage("check", "--date", LAST)
    _stage("gate", "run", "--date", LAST)
    _stage("recommend", "--date", SERVED)
    _stage("etl", "--date", SERVED)
    rows = Rows(url)
    slates = query(
        url, "SELECT run_id, user_id, article_ids FROM recommendations ORDER BY user_id LIMIT 5"
    )
    for n, (run_id, user, articles) in enumerate(slates):
        assert isinstance(articles, list)
        rows.shown(f"i{n}", str(user), f"{run_id}:champion:{user}", articles)
        rows.view(str(user), articles[0], f"i{n}", 30.0 + n)
    _stage("monitor", "--date", SERVED)


def _stage(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*arguments])
    assert (ended.value.code or 0) == 0, arguments


def _tasks() -> None:
    """What Airflow calls when tasks end, called."""
    for told, task in ((callbacks.succeeded, "monitor"), (callbacks.failed, "train")):
        ti = SimpleNamespace(dag_id="retrain", task_id=task, try_number=1)
        told({"ti": ti, "dag_run": SimpleNamespace(run_id="r", logical_date=None)})


def _programs(running: ExitStack, gateway: str, url: str, folder: Path) -> dict[str, str]:
    airflow = running.enter_context(fake_airflow(FakeAirflow()))
    certificate = _tls_server(running, folder)
    exporter = [program("prometheus-node-exporter"), "--collector.disable-defaults"]
    blackbox = REPOSITORY / "k8s/components/certificates/blackbox.yml"
    log = folder / "api.log"
    store = (folder / "var/store").as_uri()
    served = f"{SERVED}T08:00:00+00:00"
    return {
        "pushgateway": gateway,
        "api": running.enter_context(api_server(url, log, STORE_URL=store, CLOCK_START=served)),
        "hooks": running.enter_context(hooks_server(airflow, folder / "hooks.log")),
        "node": running.enter_context(_exporter(folder, [*exporter, "--collector.filesystem"])),
        "postgres": running.enter_context(
            _exporter(
                folder,
                [program("prometheus-postgres-exporter"), "--disable-settings-metrics"],
                DATA_SOURCE_NAME=f"{url}?sslmode=disable",
            )
        ),
        "blackbox": running.enter_context(
            _exporter(
                folder, [program("prometheus-blackbox-exporter"), f"--config.file={blackbox}"]
            )
        ),
        "certificate": certificate,
    }


@contextmanager
def _exporter(folder: Path, command: list[str], **env: str) -> Iterator[str]:
    port = free_port()
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"],
            env={**os.environ, **env},
            stdout=output,
            stderr=output,
        )
        try:
            eventually(lambda: _answers(f"http://127.0.0.1:{port}/"), f"{command[0]} is ready")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _answers(url: str) -> bool:
    try:
        return HTTP.request("GET", url).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _tls_server(running: ExitStack, folder: Path) -> str:
    """A server with a certificate that it signed itself; gives host:port."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kong")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    file = folder / "tls.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = running.enter_context(HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    running.callback(thread.join)
    running.callback(server.shutdown)
    return f"127.0.0.1:{server.server_address[1]}"


def _certificates(programs: dict[str, str]) -> dict[str, object]:
    """The job of the cluster, told by hand whom to ask for what."""
    file = REPOSITORY / "k8s/base/prometheus/prometheus.yml"
    jobs = yaml.safe_load(file.read_text(encoding="utf-8"))["scrape_configs"]
    (job,) = [j for j in jobs if j["job_name"] == "certificates"]
    del job["kubernetes_sd_configs"]
    annotation = "__meta_kubernetes_pod_annotation_newsrec_io_certificate"
    job["relabel_configs"] = [r for r in job["relabel_configs"] if "action" not in r]
    assert job["relabel_configs"][0]["source_labels"] == [annotation]
    # Prometheus drops what begins with __meta_ only after relabelling.
    labels = {annotation: programs["certificate"]}
    job["static_configs"] = [
        {"targets": [programs["blackbox"].removeprefix("http://")], "labels": labels}
    ]
    return dict(job)


def _ask(api: str, url: str) -> None:
    ((user,),) = query(url, "SELECT user_id FROM recommendations ORDER BY user_id LIMIT 1")
    answer = HTTP.request("GET", f"{api}/v1/readers/{user}/recommendations")
    assert answer.status == 200, answer.data
    event = {
        "type": "impression",
        "impression_id": "from-the-test",
        "user_id": user,
        "shown_at": f"{SERVED}T08:00:00Z",
        "surface": "site",
        "article_ids": ["a"],
    }
    answer = HTTP.request("POST", f"{api}/v1/events", json={"events": [event]})
    assert answer.status == 202, answer.data


def _series(server: str, expression: str) -> int:
    answer = HTTP.request("POST", f"{server}/api/v1/query", fields={"query": expression})
    content = answer.json()
    assert content["status"] == "success", content
    return len(content["data"]["result"])
