"""What the steps tell each other survives the store, and damage is told."""

from pathlib import Path

import pytest

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.gate import report
from newsrec_pipelines.gate.evaluation import digest, evaluate_systems
from newsrec_pipelines.gate.rules import verdicts
from newsrec_pipelines.gate.steps import DayEvaluation, Decision, Trained
from newsrec_pipelines.store import Store
from support.factories_models import AS_OF, load_params
from support.gates import Written, make_day, system, trained

MADE = trained("champion", "refit", "challenger")


def evaluated(readers: int = 40) -> DayEvaluation:
    systems = {name: system(Written(lambda n: 1 + n % 3), name) for name in MADE.versions}
    return evaluate_systems(make_day(readers=readers), systems, load_params(), digest(MADE))


def decision(found: DayEvaluation) -> Decision:
    return Decision(
        day=AS_OF.date(),
        outcome="promoted",
        winner="refit",
        version="v-next",
        before="v-champion",
        why="not worse",
        verdicts=verdicts(MADE, found, load_params().promotion),
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path.as_uri())


def test_each_step_is_read_as_it_was_written(store: Store) -> None:
    assert Trained.load(store, MADE.day) is None
    for step in (MADE, evaluated(), evaluated(0), decision(evaluated())):
        step.save(store)
        assert type(step).load(store, step.day) == step
    assert store.keys("models/gates") == [
        f"models/gates/2026-03-06/{name}.json" for name in ("decision", "evaluated", "trained")
    ]


def test_a_damaged_step_is_one_line(store: Store) -> None:
    MADE.save(store)
    store.write_json("models/gates/2026-03-06/trained.json", {"day": "2026-03-06"})
    with pytest.raises(DataError, match=r"trained\.json") as error:
        Trained.load(store, MADE.day)
    assert len(str(error.value).splitlines()) == 1


def test_other_models_have_another_digest() -> None:
    assert digest(MADE) == digest(trained("champion", "refit", "challenger"))
    assert digest(MADE) != digest(trained("champion", "refit"))


def test_the_report_tells_the_operator_what_happened_and_why(store: Store) -> None:
    found = evaluated()
    keys = report.write(store, MADE, found, decision(found))
    made = store.read_json(keys[0])
    assert made["decision"]["version"] == "v-next"
    assert made["evaluation"]["metric"] == "dwell_ndcg@10"
    page = store.read_bytes(keys[1]).decode()
    for text in (
        "v-next is the champion",
        "newsrec models rollback",
        "The challenger may not serve",
        "The refit may serve",
        "region: africa",
        "dwell_ndcg@10 decides",
    ):
        assert text in page, text


def test_the_report_of_a_day_that_was_not_judged_says_so(store: Store) -> None:
    found = evaluated(0)
    kept = decision(found).model_copy(update={"outcome": "kept", "version": "v-champion"})
    page = store.read_bytes(report.write(store, MADE, found, kept)[1]).decode()
    assert "v-champion stays the champion" in page
    assert "Nothing to evaluate by: no reader known before read anything new" in page
