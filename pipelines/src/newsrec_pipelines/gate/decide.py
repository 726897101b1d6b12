"""Third step: the winner is trained through the day, looked at, and becomes champion."""

from datetime import UTC, datetime, time, timedelta

from newsrec_pipelines.errors import DataError, ModelError
from newsrec_pipelines.features.examples import build_request
from newsrec_pipelines.gate.rules import verdicts
from newsrec_pipelines.gate.steps import (
    CHALLENGER,
    REFIT,
    DayEvaluation,
    Decision,
    Trained,
    Verdict,
)
from newsrec_pipelines.gate.train import make
from newsrec_pipelines.models import kind
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.models.training_configuration import TrainingConfiguration
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from newsrec_pipelines.training.sanity import check_slates

BY = "gate"


def cause(trained: Trained) -> str:
    """What a promotion of this gate is asked by: it happens once, whatever is done later."""
    return f"{BY} {trained.day}"


def decide(
    store: Store, settings: Settings, trained: Trained, evaluated: DayEvaluation, params: Params
) -> Decision:
    """Let the rules decide, and do what they say. A second call does nothing anew.

    Args:
        store: the models.
        settings: for the record of the training.
        trained: what was evaluated.
        evaluated: how it did.
        params: the limits of `promotion`.
    """
    found = verdicts(trained, evaluated, params.promotion)
    winner = next((v for v in found if v.passed), None)
    registry = FileRegistry(store)
    state = registry.state()
    ours = next((e for e in state.events if e.cause == cause(trained)), None)
    if ours is not None:
        # Killed between its promotion and its last file: what serves now is somebody's decision.
        why = winner.why if winner else ours.why
        return _decision(trained, found, winner, ours.version, why)
    if state.champion != trained.champion:
        why = f"{state.champion} became champion meanwhile: it was not compared with"
        return _decision(trained, found, None, None, why)
    if winner is None:
        return _decision(trained, found, None, None, "; ".join(v.why for v in found))
    end = datetime.combine(trained.day, time(), UTC) + timedelta(days=1)
    if late := _knows_more(store, trained, winner, end):
        return _decision(trained, found, None, None, late)
    configuration = _configuration(store, trained, winner)
    try:
        version = make(store, settings, configuration, end)
        check_slates(kind.load(store, version), build_request(store, end, configuration.params))
    except (DataError, ModelError) as e:
        return _decision(trained, found, None, None, str(e))
    registry.promote(version, by=BY, why=winner.why, cause=cause(trained))
    return _decision(trained, found, winner, version, winner.why)


def _configuration(store: Store, trained: Trained, winner: Verdict) -> TrainingConfiguration:
    if winner.system == CHALLENGER:
        return TrainingConfiguration.of(trained.parsed(), trained.git_commit)
    params = TrainingConfiguration.of_version(read_manifest(store, trained.versions[REFIT])).params
    return TrainingConfiguration.of(params, trained.git_commit)


def _knows_more(store: Store, trained: Trained, winner: Verdict, end: datetime) -> str | None:
    """Why a champion of later days is not replaced by what knows less, in words."""
    if trained.champion is None:
        return None
    try:
        as_of = read_manifest(store, trained.champion).as_of
    except ModelError:
        return None
    if as_of > end or (as_of == end and winner.system == REFIT):
        return f"the champion knows what was known until {as_of:%Y-%m-%d %H:%M} UTC already"
    return None


def _decision(
    trained: Trained, found: list[Verdict], winner: Verdict | None, version: str | None, why: str
) -> Decision:
    return Decision(
        day=trained.day,
        outcome="promoted" if version else "kept",
        winner=winner.system if winner else None,
        version=version or trained.champion,
        before=trained.champion,
        why=why,
        verdicts=found,
    )
