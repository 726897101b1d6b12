"""The command line: stages by name, imported when called, and one clear line for every mistake."""

import errno
import importlib
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.commands import COMMANDS, GROUPS, LOOK, Command
from newsrec_pipelines.context import Context
from newsrec_pipelines.errors import DataError


@pytest.fixture(autouse=True)
def _local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STORE_URL", "DATABASE_URL", "DATABASE_URL_FILE", "NEWSREC_PARAMS", "OUTBOX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path / "var"))


@click.command()
@click.pass_obj
def _probe(context: Context) -> None:
    """A stage that needs its parameters."""
    click.echo(f"depth {context.params.slate.depth}")


@click.command()
def _failing() -> None:
    """A stage that meets bad input."""
    raise DataError("line 7 of x.jsonl is no record")


@click.command()
def _full() -> None:
    """A stage that meets a full disk."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/store/x.parquet")


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three small stages instead of the real ones, which import Beam or scikit-learn."""
    monkeypatch.setattr(
        cli,
        "COMMANDS",
        {name: Command(f"{__name__}:_{name}", LOOK, "") for name in ("probe", "failing", "full")},
    )
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_help_has_each_command_with_its_line_in_its_group(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    status, out, err = run(capsys, "--help")
    assert (status, err) == (0, "")
    assert "\x1b" not in out
    sections = dict(part.split(":\n", 1) for part in out.split("\n\n") if ":\n" in part)
    assert [name for name in sections if name != "Options"] == list(GROUPS)
    for group in GROUPS:
        shown = dict(line.split(maxsplit=1) for line in sections[group].strip().splitlines())
        assert shown == {n: c.line for n, c in COMMANDS.items() if c.group == group}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_of_a_command_is_its_own_short_help(name: str) -> None:
    module, _, attribute = COMMANDS[name].target.partition(":")
    command: click.Command = getattr(importlib.import_module(module), attribute)
    assert COMMANDS[name].line == command.get_short_help_str(limit=1000)


def test_help_is_quick_because_no_stage_is_imported() -> None:
    code = (
        "import sys; from newsrec_pipelines.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "slow = {'apache_beam', 'feast', 'lightgbm', 'polars', 'sklearn'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_unknown_stage_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "recomend")
    assert status == 2
    assert "No such command 'recomend'" in err


@pytest.mark.usefixtures("stages")
def test_a_stage_gets_its_settings_and_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "probe")
    assert (status, err) == (0, "")
    assert out.startswith("depth ")


@pytest.mark.usefixtures("stages")
def test_an_error_of_a_stage_is_one_line_and_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "failing") == (1, "", "newsrec: line 7 of x.jsonl is no record\n")


@pytest.mark.usefixtures("stages")
def test_a_full_disk_is_one_line_and_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    line = "newsrec: /store/x.parquet: No space left on device\n"
    assert run(capsys, "full") == (1, "", line)


@pytest.mark.usefixtures("stages")
@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("slate: {depth: 3}\n", "Field required"),
        ("slate: [\n", "is not YAML"),
        (None, "cannot read"),
    ],
)
def test_wrong_parameters_are_one_line_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, line: str
) -> None:
    file = tmp_path / "p.yaml"
    if content is not None:
        file.write_text(content)
    status, out, err = run(capsys, "--params", str(file), "probe")
    assert (status, out) == (1, "")
    assert err.startswith("newsrec: ")
    assert line in err
    assert str(file) in err
    assert len(err.splitlines()) == 1


@pytest.mark.usefixtures("stages")
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("STORE_URL", "ftp://x"),
        ("DATABASE_URL", "oracle://x"),
        ("DATABASE_URL_FILE", "/nowhere"),
        ("DATABASE_URL_FILE", sys.executable),
    ],
)
def test_wrong_settings_are_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    status, out, err = run(capsys, "probe")
    assert (status, out) == (1, "")
    assert err.startswith("newsrec: ")
    assert variable in err
    assert len(err.splitlines()) == 1
