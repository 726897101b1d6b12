"""Variants: which share of the readers gets another model version's slates, and since when."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import polars as pl
from psycopg2 import errors

from newsrec_pipelines.db import Connection
from newsrec_pipelines.errors import ConfigError

CHAMPION: Final = "champion"  # the variant of everybody else
_WHOLE: Final = 2**64
_LONGEST: Final = 32
_LATE: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Variant:
    """One share of the readers.

    Attributes:
        name: as slates carry it.
        model_version: that makes its slates.
        percent: of all readers, above 0, with at most two decimals.
        began_at: when it was set first; a change of percent or version begins nothing new.
        set_at: when it was set to what it is now.
        by: who did that.
        why: in words.
    """

    name: str
    model_version: str
    percent: Decimal
    began_at: datetime = _LATE
    set_at: datetime = _LATE
    by: str = field(default="", compare=False)
    why: str = field(default="", compare=False)


def active(conn: Connection) -> tuple[Variant, ...]:
    """The variants that hold now, the one that began first in front.

    Args:
        conn: of any role.
    """
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT name, model_version, percent, began_at, set_at, set_by, set_why "
            "FROM variants WHERE ended_at IS NULL ORDER BY began_at, name"
        )
        return tuple(Variant(*row) for row in cursor.fetchall())


def set_variant(
    conn: Connection, name: str, model_version: str, percent: Decimal, *, by: str, why: str
) -> bool:
    """Give a share of the readers the slates of a version, from the next run on.

    A variant that holds is changed: its row ends, another begins. Slates of the version before are
    served no more.

    Args:
        conn: of the role newsrec_operations.
        name: of the variant, not ``champion``.
        model_version: which exists.
        percent: of all readers; 0 ends the variant.
        by: who.
        why: in words.

    Returns:
        Whether anything changed.

    Raises:
        ConfigError: when the variant cannot be, or all of them together want more than everybody.
    """
    if not 0 <= percent <= 100 or percent != round(percent, 2):
        raise ConfigError(f"{name}={percent}: a percentage is 0 to 100, with two decimals at most")
    if percent == 0:
        return end_variant(conn, name, by, why)
    with conn, conn.cursor() as cursor:
        # Of two at once the second one sees what the first one took.
        cursor.execute("LOCK TABLE variants IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute("SELECT name, percent FROM variants WHERE ended_at IS NULL")
        others = {other: taken for other, taken in cursor.fetchall() if other != name}
        if sum(others.values()) + percent > 100:
            taken = ", ".join(f"{other} {p:f}" for other, p in sorted(others.items()))
            raise ConfigError(f"{name}={percent}: of 100 percent, others have {taken}")
        cursor.execute(
            "UPDATE variants SET ended_at = clock_timestamp(), ended_by = %(by)s, "
            "ended_why = %(why)s WHERE name = %(name)s AND ended_at IS NULL "
            "AND (model_version, percent) IS DISTINCT FROM (%(version)s, %(percent)s) "
            "RETURNING began_at",
            {"name": name, "version": model_version, "percent": percent, "by": by, "why": why},
        )
        before = cursor.fetchone()
        try:
            cursor.execute(
                "INSERT INTO variants (name, model_version, percent, began_at, set_at, set_by, "
                "set_why) VALUES (%(name)s, %(version)s, %(percent)s, "
                "coalesce(%(began)s, clock_timestamp()), clock_timestamp(), %(by)s, %(why)s) "
                "ON CONFLICT (name) WHERE ended_at IS NULL DO NOTHING",
                {
                    "name": name,
                    "version": model_version,
                    "percent": percent,
                    "began": before[0] if before else None,
                    "by": by,
                    "why": why,
                },
            )
        except errors.CheckViolation as e:
            raise ConfigError(
                f"{name!r} is no name of a variant: up to {_LONGEST} small letters, digits and "
                f"hyphens, a letter first, and not {CHAMPION}"
            ) from e
        return bool(cursor.rowcount)


def end_variant(conn: Connection, name: str, by: str, why: str) -> bool:
    """Give all readers of a variant back to the champion, at once: services look at this table.

    Args:
        conn: of the role newsrec_operations.
        name: of the variant.
        by: who: a person, or the program that did it.
        why: in words.

    Returns:
        Whether it held until now.
    """
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "UPDATE variants SET ended_at = clock_timestamp(), ended_by = %s, ended_why = %s "
            "WHERE name = %s AND ended_at IS NULL",
            (by, why, name),
        )
        return bool(cursor.rowcount)


def assign(user_ids: pl.Series, variants: Sequence[Variant]) -> pl.Series:
    """The variant of each reader, `CHAMPION` for those in none; the same everywhere, at all times.

    A variant takes its share of the readers that those which began before it have left, by a hash
    of the reader's id that is salted by the variant's name. So

    - more percent only add readers to a variant, and less only take some away;
    - a variant that begins moves nobody out of another one;
    - two variants, and the groups of an experiment, are independent of each other.

    Returns:
        ``variant``, in the order of `user_ids`.
    """
    names = [CHAMPION] * len(user_ids)
    left, free = 100 * Decimal(1), list(enumerate(user_ids.to_list()))
    for variant in sorted(variants, key=lambda v: (v.began_at, v.name)):
        below = int(_WHOLE * min(Decimal(1), variant.percent / left)) if left else 0
        salt, rest = variant.name.encode(), []
        for row, user_id in free:
            if _position(user_id, salt) < below:
                names[row] = variant.name
            else:
                rest.append((row, user_id))
        left, free = left - variant.percent, rest
    return pl.Series("variant", names, pl.String)


def _position(user_id: str, salt: bytes) -> int:
    digest = hashlib.blake2b(user_id.encode(), digest_size=8, key=salt).digest()
    return int.from_bytes(digest, "big")
