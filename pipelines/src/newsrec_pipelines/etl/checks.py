"""What a record must be to become a row, and when we could know it: pure functions on columns."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import polars as pl

from newsrec_pipelines.etl.raw import CONSENTS, RECEIVED_AT, Raw
from newsrec_pipelines.parameters import EtlParams
from newsrec_pipelines.schemas import READ_KINDS, SURFACES, UNKNOWN, Entity

RECORD_CHARACTERS = 1000  # of a dead letter that are kept
# PostgreSQL refuses index entries above 2.7 kB; ids and categories are indexed.
MAX_INDEXED_BYTES = 1000
DEAD_LETTER: Final = {"line": pl.Int64, "reason": pl.String, "record": pl.String}

_IDS = ("article_id", "user_id", "impression_id", "event_id", "view_id")
_NOT_EMPTY = (*_IDS, "publisher", "category", "language", "region", "timezone")
_LISTS_OF_IDS = ("article_ids",)
_NAMES = ("category", "language", "region", "regions", "preferred_categories")
_OLDEST = datetime(1900, 1, 1, tzinfo=UTC)
_NUL, _INSTEAD = "\0", "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Rules:
    """The rules of one day of arrival."""

    day: date
    params: EtlParams

    @property
    def start(self) -> datetime:
        """First moment of the day."""
        return datetime.combine(self.day, time.min, UTC)

    @property
    def end(self) -> datetime:
        """First moment of the next day."""
        return self.start + timedelta(days=1)

    @property
    def earliest(self) -> datetime:
        """Events before it are too late."""
        return self.start - timedelta(days=self.params.late_days)

    @property
    def latest(self) -> datetime:
        """Nothing can have happened after it."""
        return self.end + timedelta(minutes=self.params.future_tolerance_minutes)


def check(entity: Entity, raw: Raw, rules: Rules) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Good rows and dead letters of some records.

    Returns:
        Rows with the entity's fields, ``extra``, ``available_at`` and ``line``, normalised; and
        dead letters with ``line``, ``reason`` and the beginning of the ``record``.
    """
    frame = raw.frame.with_columns(_normalised(entity))
    reason = pl.coalesce(
        "reason", *(pl.when(bad).then(pl.lit(why)) for why, bad in _faults(entity, rules))
    )
    frame = frame.with_columns(reason.alias("reason"))
    wrong = frame["reason"].is_not_null()
    good = frame.filter(~wrong) if wrong.any() else frame
    good = (
        good.with_columns(_known_dwell(rules)) if "dwell_seconds" in entity.schema.names else good
    )
    good = good.with_columns(available_at(entity, rules).alias("available_at"))
    columns = [*entity.schema.names, "extra", "available_at", "line"]
    return good.select(columns), _dead_letters(frame, wrong, raw)


def available_at(entity: Entity, rules: Rules) -> pl.Expr:
    """The moment when we could know a row.

    Never before its own end (a read's dwell is known only then) nor before the day of arrival; a
    record that is older than its day and does not say when it was received counts as received at
    the end of the day.
    """
    own_end = pl.col(_time_field(entity))
    if "dwell_seconds" in entity.schema.names:
        dwell = (pl.col("dwell_seconds").cast(pl.Float64) * 1e6).round().cast(pl.Int64)
        own_end = own_end + pl.duration(microseconds=dwell.fill_null(0))
    start = pl.lit(rules.start).dt.cast_time_unit("us")
    last = pl.lit(rules.end - timedelta(microseconds=1)).dt.cast_time_unit("us")
    received = (
        pl.when(pl.col(RECEIVED_AT).is_not_null())
        .then(pl.max_horizontal(RECEIVED_AT, start))
        .when(pl.col(_time_field(entity)) < start)
        .then(last)
        .otherwise(start)
    )
    return pl.max_horizontal(own_end, received)


def _time_field(entity: Entity) -> str:
    return entity.day_field or {"articles": "published_at", "users": "joined_at"}[entity.name]


def _normalised(entity: Entity) -> list[pl.Expr]:
    """Text that PostgreSQL can store; names that are compared, trimmed and in lower case."""
    changes = []
    for field in entity.schema:
        if field.name in (*_IDS, *_LISTS_OF_IDS, CONSENTS) or "string" not in str(field.type):
            continue
        if field.type == "string":
            changes.append(_name_or_text(field.name, pl.col(field.name)).alias(field.name))
        else:
            changes.append(pl.col(field.name).list.eval(_name_or_text(field.name, pl.element())))
    return changes


def _name_or_text(field: str, text: pl.Expr) -> pl.Expr:
    text = text.str.replace_all(_NUL, _INSTEAD, literal=True)
    if field not in _NAMES:
        return text
    name = text.str.strip_chars().str.to_lowercase()
    return pl.when((name == "") & (text != "")).then(pl.lit(UNKNOWN)).otherwise(name)


def _known_dwell(rules: Rules) -> pl.Expr:
    dwell = pl.col("dwell_seconds")
    # Infinity is above the limit too: a clock that never stopped.
    return pl.when(dwell <= rules.params.max_dwell_seconds).then(dwell).alias("dwell_seconds")


def _faults(entity: Entity, rules: Rules) -> list[tuple[str, pl.Expr]]:
    """Reasons and the rows they are true of, in the order in which they are given."""
    names = entity.schema.names
    faults = [(f"{n}: missing", pl.col(n).is_null()) for n in entity.required]
    faults += [(f"{n}: empty", pl.col(n) == "") for n in _NOT_EMPTY if n in names]
    long = f"longer than {MAX_INDEXED_BYTES} bytes"
    faults += [
        (f"{n}: {long}", pl.col(n).str.len_bytes() > MAX_INDEXED_BYTES)
        for n in (*_IDS, "category")
        if n in names
    ]
    faults += [
        (f"{n}: NUL character", pl.col(n).str.contains(_NUL, literal=True))
        for n in _IDS
        if n in names
    ]
    faults += _time_faults(entity, rules)
    if entity.name == "impressions":
        faults += _impression_faults()
    if entity.name == "reads":
        dwell, scroll = pl.col("dwell_seconds"), pl.col("scroll")
        faults += [
            (f"kind: none of {', '.join(READ_KINDS)}", ~pl.col("kind").is_in(READ_KINDS)),
            ("dwell_seconds: not a number of 0 or more", dwell.is_nan() | (dwell < 0)),
            ("scroll: not between 0 and 1", ~scroll.is_between(0, 1) | scroll.is_nan()),
        ]
    return faults


def _time_faults(entity: Entity, rules: Rules) -> list[tuple[str, pl.Expr]]:
    field = _time_field(entity)
    own, received = pl.col(field), pl.col(RECEIVED_AT)
    faults = [
        (f"{field}: in the future", own > rules.latest),
        (f"{RECEIVED_AT}: in the future", received > rules.latest),
        (f"{field}: before 1900", own < _OLDEST),
    ]
    if entity.day_field:
        days = rules.params.late_days
        faults.append((f"{field}: more than {days} days before its arrival", own < rules.earliest))
    return faults


def _impression_faults() -> list[tuple[str, pl.Expr]]:
    shown, chances = pl.col("article_ids"), pl.col("propensities")
    lengths = shown.list.eval(pl.element().str.len_bytes())
    nul = shown.list.eval(pl.element().str.contains(_NUL, literal=True))
    bad_chance = chances.list.eval(~pl.element().is_between(0, 1) | pl.element().is_nan())
    return [
        ("article_ids: empty", shown.list.len() == 0),
        ("article_ids: empty id", lengths.list.min() == 0),
        (
            f"article_ids: id longer than {MAX_INDEXED_BYTES} bytes",
            lengths.list.max() > MAX_INDEXED_BYTES,
        ),
        ("article_ids: NUL character", nul.list.any()),
        (f"surface: none of {', '.join(SURFACES)}", ~pl.col("surface").is_in(SURFACES)),
        ("propensities: not as many as article_ids", chances.list.len() != shown.list.len()),
        ("propensities: not between 0 and 1", bad_chance.list.any()),
    ]


def _dead_letters(frame: pl.DataFrame, wrong: pl.Series, raw: Raw) -> pl.DataFrame:
    rows = wrong.arg_true()
    records = [raw.record(i)[:RECORD_CHARACTERS].replace(_NUL, _INSTEAD) for i in rows]
    dead = frame.filter(wrong).select("line", "reason")
    return dead.with_columns(pl.Series("record", records, pl.String))
