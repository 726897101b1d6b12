"""The store on an object store: the same answers as in a folder, and what only S3 can do wrong."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import boto3
import polars as pl
import pytest
from s3fs import S3File

from newsrec_pipelines import cli, partitions
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features import snapshots
from newsrec_pipelines.store import Store
from support.object_store import BUCKET, forget_connections
from support.postgres import REPOSITORY

DAY = date(2026, 3, 1)


@pytest.fixture
def store(s3: dict[str, str], request: pytest.FixtureRequest) -> Store:
    return Store(f"s3://{BUCKET}/{request.node.name}/store")


def test_what_was_written_is_read_listed_and_removed(store: Store) -> None:
    for key in ("runs/r1/a", "runs/r1/b/c", "runs/r10/a"):
        store.write_bytes(key, key.encode())
    store.write_json("models/v1.json", {"a": 1})

    assert store.keys("runs") == ["runs/r1/a", "runs/r1/b/c", "runs/r10/a"]
    assert store.keys("") == ["models/v1.json", *store.keys("runs")]
    assert store.read_bytes("runs/r1/b/c") == b"runs/r1/b/c"
    assert store.find_json("models/v1.json") == {"a": 1}
    assert store.find_json("models/v2.json") is None
    assert store.exists("runs/r1/a")
    assert not store.exists("runs/r2/a")
    assert store.where("runs/r1/a") == f"{store.url}/runs/r1/a"
    store.remove("runs/r1")
    store.remove("runs/never")
    assert store.keys("runs") == ["runs/r10/a"]
    with pytest.raises(DataError, match=rf"no file runs/r1/a in {store.url}"):
        store.read_bytes("runs/r1/a")


def test_what_another_process_does_is_seen_at_once(store: Store) -> None:
    key = f"clean/reads/day={DAY}/a"
    other, place = boto3.client("s3"), {"Bucket": BUCKET, "Key": store.path(key).split("/", 1)[1]}
    assert store.days("clean/reads") == []
    other.put_object(**place, Body=b"1")
    assert store.days("clean/reads") == [DAY]
    assert store.fs.ls(store.path(f"clean/reads/day={DAY}"))
    other.put_object(**place, Body=b"22")
    with store.open(key) as file:
        assert file.read() == b"22"
    other.delete_object(**place)
    assert store.keys("clean") == []
    assert not store.exists(key)


def test_lines_and_places_of_a_file_are_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [b"%06d" % n * 20 + b"\n" for n in range(1000)]
    store.write_bytes("lines", b"".join(lines))
    read = []
    fetch = S3File._fetch_range

    def counted(file: S3File, start: int, end: int) -> bytes:
        read.append(end - start)
        return fetch(file, start, end)

    monkeypatch.setattr(S3File, "_fetch_range", counted)
    # No line may cost a copy of what was read ahead, as it does in fsspec's own `readline`.
    monkeypatch.setattr(S3File, "readuntil", None)
    with store.open("lines") as file:
        assert file.readline() == lines[0]
        assert list(file) == lines[1:]
        file.seek(121 * 500)
        assert file.readline() == lines[500]
    assert read == [121_000]


def test_a_folder_that_a_console_made_is_no_file(store: Store) -> None:
    store.fs.pipe_file(store.path("landing/reads/"), b"")
    store.write_bytes("landing/reads/dt=2026-03-01/a.jsonl", b"")
    assert store.keys("landing") == ["landing/reads/dt=2026-03-01/a.jsonl"]


def test_a_local_file_is_uploaded(store: Store, tmp_path: Path) -> None:
    content = bytes(range(256)) * 50_000
    (tmp_path / "large").write_bytes(content)
    store.upload("large", tmp_path / "large")
    assert store.read_bytes("large") == content


def test_an_upload_that_fails_leaves_what_was_there(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write_bytes("a", b"old")
    call = store.fs._call_s3

    async def full(method: str, *args: object, **kwargs: object) -> object:
        if method == "upload_part" and kwargs["PartNumber"] == 2:
            raise OSError(28, "No space left on device")
        return await call(method, *args, **kwargs)

    monkeypatch.setattr(store.fs, "_call_s3", full)
    with pytest.raises(OSError, match="No space"):
        store.write_bytes("a", bytes(120 << 20))
    monkeypatch.undo()
    assert store.read_bytes("a") == b"old"
    assert store.keys("") == ["a"]
    uploads = store.fs.call_s3("list_multipart_uploads", Bucket=BUCKET)
    assert not uploads.get("Uploads"), "parts that nobody sees cost money for ever"


def test_a_forked_process_has_a_connection_of_its_own(store: Store) -> None:
    program = (
        "import os, sys; from newsrec_pipelines.store import Store\n"
        "store = Store(sys.argv[1]); store.write_bytes('parent', b'')\n"
        "if not (child := os.fork()): store.write_bytes('child', b''); os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0; assert store.keys('') == ['child', 'parent']"
    )
    subprocess.run([sys.executable, "-c", program, store.url], check=True, timeout=60)


def test_partitions_are_read_by_their_manifests_and_checked(store: Store) -> None:
    frame = pl.DataFrame({"a": [1, 2]})
    for n in (0, 1):
        snapshots.write(store, "clean/x", date(2026, 3, 1 + n), [frame, frame + 10], "batch")
    parts = partitions.manifests(store, "clean/x", first=date(2026, 3, 2))
    assert [part.day for part in parts] == [date(2026, 3, 2)]
    found = partitions.scan(store, parts, pl.Schema({"a": pl.Int64, "later": pl.String}))
    assert found is not None
    assert found.collect().rows() == [(1, None), (2, None), (11, None), (12, None)]

    first = parts[0].files[0]
    store.write_bytes(first.key, store.read_bytes(first.key)[:-9])
    with pytest.raises(DataError, match=rf"{first.key} in s3://.* is broken"):
        partitions.scan(store, parts)
    store.remove(first.key)
    with pytest.raises(DataError, match=rf"{first.key} in s3://.* is gone"):
        partitions.scan(store, parts)


@pytest.mark.parametrize(
    ("url", "changes", "expected"),
    [
        ("s3://no-such-bucket/x", {}, "The specified bucket does not exist"),
        (
            f"s3://{BUCKET}/x",
            {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"},
            'the store cannot be reached: Could not connect to the endpoint URL: "http://127',
        ),
        (
            f"s3://{BUCKET}/x",
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            "the store cannot be reached: Unable to locate credentials",
        ),
    ],
)
def test_a_store_that_cannot_be_used_is_one_line(
    url: str,
    changes: dict[str, str],
    expected: str,
    s3: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nowhere = {"AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}
    for name, value in {**changes, **nowhere, "STORE_URL": url}.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    forget_connections()
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("NEWSREC_PARAMS", str(REPOSITORY / "params.yaml"))
    with pytest.raises(SystemExit) as stopped:
        cli.main(["simulate", "days", "--from", f"{DAY}", "--to", f"{DAY}"])
    assert stopped.value.code == 1
    forget_connections()
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"newsrec: {expected}")
