"""Old names of this house do not come back: ADR 26 lists them with the field's words."""

import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
# History keeps its words, and both of these pages must name the old ones.
_HISTORY = ("CHANGELOG.md", "docs/adr/", "infra/postgres/src/newsrec_db/migrations/", "dvc.lock")
_THIS = "tests/delivery/test_words.py"

# As names in code; common English words only in the form of a name.
_NAMES = re.compile(
    r"""\b(
      Opinion | opinions? \. | check_opinion | _opinions?
    | [Ll]essons? | teaching | [Tt]aught\w* | _Moment | SingleModel
    | times_seen | hours_since_seen | sight_days | sight_counters | sight_events
    | Recipe | KeptData | KeptFile | kept_data | keep_data
    | known_before | known_by | known_on | \w*known_when_asked
    | Judged | Judgement | judge_\w+ | gate[ ]judge | newsrec_gate_judged | ModelJudgedBad
    | compare_rivals | newsrec[ ]rivals | newsrec[ ]ask | ask_command
    | own_taste | newsrec_hooks[.]weigh | WeighKong | class[ ]Scope
    )\b""",
    re.VERBOSE,
)
_FILES = frozenset(
    {
        *("alone", "single", "scope", "placing", "teaching", "sight_counters", "recipe"),
        *("kept_data", "copying", "pictures", "beyond", "exploring", "answers", "judged"),
        *("judge", "explained", "handover", "rivals", "rivals_command", "numbers", "taste"),
        *("told", "ask_command", "recorded", "weigh"),
    }
)


def old_words(text: str) -> list[str]:
    """The old names in a text, in its order."""
    return [found.group() for found in _NAMES.finditer(text)]


def tracked() -> list[Path]:
    listing = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listing, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [
        REPOSITORY / name
        for name in names.stdout.splitlines()
        if not name.startswith(_HISTORY) and name != _THIS and (REPOSITORY / name).is_file()
    ]


@pytest.mark.parametrize(
    "text",
    ["from x import Opinion", "self._opinions", "a lesson", "`newsrec ask` says", "own_taste"],
)
def test_an_old_word_is_found(text: str) -> None:
    assert old_words(text)


@pytest.mark.parametrize("text", ["the others are opinions.", "taste of home", "ask a reader"])
def test_plain_english_is_no_old_word(text: str) -> None:
    assert not old_words(text)


def test_no_file_has_an_old_word() -> None:
    suffixes = {".py", ".md", ".yaml", ".yml", ".html", ".json", ".toml", ".jinja", ".sh"}
    texts = [path for path in tracked() if path.suffix in suffixes and "texts" not in path.parts]
    assert len(texts) > 500
    found = {
        str(path.relative_to(REPOSITORY)): words
        for path in texts
        if (words := old_words(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_no_module_has_an_old_name() -> None:
    modules = [path for path in tracked() if path.suffix == ".py"]
    assert len(modules) > 400
    assert [path for path in modules if path.stem.removeprefix("test_") in _FILES] == []
