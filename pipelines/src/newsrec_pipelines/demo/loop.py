"""The steps of the loop: some days of history, then days on which readers get our slates."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from newsrec_pipelines.demo import programs
from newsrec_pipelines.parameters import WorldParams
from newsrec_pipelines.settings import Settings

LOOP_DAYS = 2
# On our days, this share of the visits still sees the front page: that is how new articles get
# their first readers. The others ask the API for their slate.
FRONT_PAGE_SHARE = 0.5


@dataclass(frozen=True)
class Step:
    """One step: done once, safe to repeat after an interruption."""

    name: str
    title: str
    run: Callable[[], None]


def first_loop_day(world: WorldParams) -> date:
    """The first day on which readers get our slates."""
    return world.start + timedelta(days=world.history_days)


def served_day(world: WorldParams) -> date:
    """The day after the loop: its slates are what the demo page shows."""
    return first_loop_day(world) + timedelta(days=LOOP_DAYS)


def steps(settings: Settings, world: WorldParams, port: int) -> Iterator[Step]:
    """All steps in order."""
    first, last = str(world.start), str(first_loop_day(world) - timedelta(days=1))
    yield _stage("simulate", f"{world.history_days} days of news and readers", "simulate", "days")(
        "--from", first, "--to", last
    )
    yield _stage("etl", "Beam: landing zone to PostgreSQL and Parquet", "etl")(
        "--from", first, "--to", last
    )
    yield from _learn(first_loop_day(world))
    for n in range(LOOP_DAYS):
        yield from _day(settings, first_loop_day(world) + timedelta(days=n), port)


def _day(settings: Settings, day: date, port: int) -> Iterator[Step]:
    d = str(day)
    yield Step(
        f"digest {d}",
        f"{d}: one email to every reader",
        lambda: programs.program(
            *("newsrec-mailer", "send", "--date", d),
            env={"NEWSREC_VAR": str(settings.var), "PUBLIC_URL": programs.public_url(port)},
        ),
    )
    yield _stage(f"simulate {d}", f"{d}: news, and readers on the front page", "simulate", "days")(
        "--from", d, "--to", d, "--front-page-share", str(FRONT_PAGE_SHARE)
    )
    yield Step(
        f"react {d}",
        f"{d}: readers read our slates and emails",
        lambda: _react(settings, day, port),
    )
    yield _stage(f"export {d}", f"{d}: their events into the landing zone", "export")("--date", d)
    yield _stage(f"etl {d}", f"{d}: what arrived, into the store", "etl")("--date", d)
    yield _stage(f"evaluate {d}", f"{d}: how good was yesterday's model today?", "evaluate")(
        "--date", d
    )
    yield from _learn(day + timedelta(days=1))


def _learn(serving_day: date) -> Iterator[Step]:
    """Everything that happens at night, so that `serving_day` has its slates."""
    known, d = str(serving_day - timedelta(days=1)), str(serving_day)
    yield _stage(f"materialize {d}", "Feast: last counters into the online store", "materialize")(
        "--as-of", f"{d}T00:00:00+00:00"
    )
    yield _stage(f"train {d}", f"train on all that was known by the end of {known}", "train")(
        "--date", known
    )
    yield _stage(f"recommend {d}", f"a slate for every reader on {d}", "recommend")("--date", d)


def _stage(name: str, title: str, *command: str) -> Callable[..., Step]:
    return lambda *args: Step(name, title, lambda: programs.stage(*command, *args))


def _react(settings: Settings, day: date, port: int) -> None:
    # Apps report late in the evening what happened during the day.
    evening = datetime.combine(day, time(23, 30), UTC)
    with programs.api(settings, port, evening):
        programs.stage(
            *("simulate", "react", "--date", str(day), "--api", programs.public_url(port)),
            *("--outbox", str(settings.outbox)),
        )
