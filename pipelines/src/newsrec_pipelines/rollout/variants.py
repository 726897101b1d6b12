"""Variants: which share of the readers gets another model version's slates, and since when."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import polars as pl

from newsrec_pipelines.db import Connection
from newsrec_pipelines.errors import ConfigError

CHAMPION: Final = "champion"  # the variant of everybody else
_WHOLE: Final = 2**64
_NAME: Final = re.compile("[a-z][a-z0-9-]{0,31}")
_LATE: Final = datetime.max.replace(tzinfo=UTC)
# Not the moment of the transaction: of two changes in a row the second one comes later.
_END: Final = (
    "UPDATE variants SET ended_at = clock_timestamp(), ended_by = %s, ended_why = %s "
    "WHERE name = %s AND ended_at IS NULL"
)
_BEGIN: Final = (
    "INSERT INTO variants (name, model_version, percent, began_at, set_at, set_by, set_why) "
    "VALUES (%s, %s, %s, coalesce(%s, clock_timestamp()), clock_timestamp(), %s, %s)"
)


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
        return tuple(
            Variant(name, version, percent.normalize(), *rest)  # 10.00 is 10, for people
            for name, version, percent, *rest in cursor.fetchall()
        )


def set_variants(
    conn: Connection, wanted: Mapping[str, tuple[str, Decimal]], *, by: str, why: str
) -> set[str]:
    """Give shares of the readers the slates of other versions, from the next run on.

    A variant that holds is changed: its row ends, another begins. Slates of the version before are
    served no more. All that is wanted is done, or nothing.

    Args:
        conn: of the role newsrec_operations.
        wanted: a model version that exists and its percent, by the variant's name; 0 ends it.
        by: who.
        why: in words.

    Returns:
        The names of those that changed.

    Raises:
        ConfigError: when a variant cannot be, or all of them together want more than everybody.
    """
    for name, (_, percent) in wanted.items():
        if name == CHAMPION or not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} is no name of a variant: small letters, digits and hyphens, a letter "
                f"first, 32 at most, and not {CHAMPION}"
            )
        if percent > 100 or percent != round(percent, 2):
            raise ConfigError(f"{name}={percent:f}: a percentage, with two decimals at most")
    with conn, conn.cursor() as cursor:
        # Of two at once the second one sees what the first one took.
        cursor.execute("LOCK TABLE variants IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(
            "SELECT name, model_version, percent, began_at FROM variants WHERE ended_at IS NULL"
        )
        holding = {name: (version, percent, at) for name, version, percent, at in cursor.fetchall()}
        shares = {name: percent for name, (_, percent, _) in holding.items()}
        shares |= {name: percent for name, (_, percent) in wanted.items()}
        if sum(shares.values()) > 100:
            all_of_them = ", ".join(f"{name} {p:f}" for name, p in sorted(shares.items()) if p)
            raise ConfigError(f"that is more than 100 percent: {all_of_them}")
        changed = set()
        for name, (version, percent) in wanted.items():
            before, percent_before, began_at = holding.get(name, (None, 0, None))
            if percent == percent_before and (version == before or not percent):
                continue
            if percent_before:
                cursor.execute(_END, (by, why, name))
            if percent:
                cursor.execute(_BEGIN, (name, version, percent, began_at, by, why))
            changed.add(name)
        return changed


def last_version(conn: Connection, name: str) -> str | None:
    """The version that a variant has now or had last; None when there never was one.

    Args:
        conn: of any role.
        name: of the variant.
    """
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT model_version FROM variants WHERE name = %s ORDER BY set_at DESC LIMIT 1",
            (name,),
        )
        row = cursor.fetchone()
    return row[0] if row else None


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
        cursor.execute(_END, (by, why, name))
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
