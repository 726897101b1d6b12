"""Readers choose for themselves: onboarding, preferences, no more emails."""

import re
import uuid
import zoneinfo
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from newsrec_api.clock import Clock
from newsrec_api.errors import ConflictError, InvalidError, NotFoundError
from newsrec_api.repositories.interfaces import Articles, Readers
from newsrec_api.use_cases.recommend import Recommend
from newsrec_api.use_cases.validation import ID_PATTERN
from newsrec_api.values import Choices, Item, Profile

_EMAIL = re.compile(
    r"[^@\s<>(),;:\"\\\x00-\x20\x7f]+@[^@\s<>(),;:\"\\\x00-\x20\x7f]+\.[A-Za-z0-9-]+"
)


def _timezone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError) as e:
        raise ValueError("is not an IANA time zone such as America/Bogota") from e
    return name


def _email(address: str) -> str:
    if not _EMAIL.fullmatch(address):
        raise ValueError("is not an email address")
    return address


Region = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Timezone = Annotated[str, Field(max_length=64), AfterValidator(_timezone)]
Email = Annotated[str, Field(max_length=254), AfterValidator(_email)]
Category = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=ID_PATTERN)]


class Preferences(BaseModel):
    """What a reader may change; a field left out stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    region: Region | None = None
    language: Language | None = None
    timezone: Timezone | None = None
    preferred_categories: Annotated[list[Category], Field(max_length=50)] | None = None
    email: Email | None = None
    email_digest: bool | None = None


class NewReader(BaseModel):
    """A reader who comes for the first time."""

    model_config = ConfigDict(extra="forbid", strict=True)

    user_id: Annotated[str, Field(max_length=256, pattern=ID_PATTERN)] | None = None
    region: Region
    language: Language
    timezone: Timezone
    preferred_categories: Annotated[list[Category], Field(min_length=1, max_length=50)]
    email: Email | None = None


class ManageReaders:
    """Keeps readers' own choices; they override what `users` says."""

    def __init__(
        self, readers: Readers, articles: Articles, recommend: Recommend, clock: Clock
    ) -> None:
        self._readers = readers
        self._articles = articles
        self._recommend = recommend
        self._clock = clock

    def join(self, new: NewReader, limit: int) -> tuple[str, list[Item]]:
        """Keep a new reader and give her the newest articles of her categories.

        Raises:
            ConflictError: when the id is taken.
            InvalidError: when a category does not exist.
        """
        self._check(new.preferred_categories)
        user_id = new.user_id or f"reader-{uuid.uuid4().hex}"
        choices = Choices(
            region=new.region,
            language=new.language,
            timezone=new.timezone,
            preferred_categories=new.preferred_categories,
            email=new.email,
            email_digest=new.email is not None,  # who leaves an address wants the email
        )
        if not self._readers.create(user_id, choices, self._clock()):
            raise ConflictError("there is a reader with this id already")
        return user_id, self._recommend.newest(self.preferences(user_id), limit)

    def preferences(self, user_id: str) -> Profile:
        """What is in force for a reader.

        Raises:
            NotFoundError: when nobody knows her.
        """
        profile = self._readers.profile(user_id)
        if profile is None:
            raise NotFoundError("there is no such reader")
        return profile

    def change(self, user_id: str, new: Preferences) -> Profile:
        """Set what `new` names, and return what is in force then.

        Raises:
            NotFoundError: when nobody knows the reader.
            InvalidError: when a category does not exist.
        """
        self.preferences(user_id)
        self._check(new.preferred_categories or [])
        self._readers.update(user_id, Choices(**new.model_dump()), self._clock())
        return self.preferences(user_id)

    def unsubscribe(self, user_id: str) -> None:
        """No more emails; a second time changes nothing."""
        self._readers.update(user_id, Choices(email_digest=False), self._clock())

    def _check(self, chosen: list[str]) -> None:
        if chosen and (unknown := sorted(set(chosen) - set(self._articles.categories()))):
            raise InvalidError(
                "a category does not exist; GET /v1/categories lists them",
                errors=[{"field": "preferred_categories", "detail": f"unknown: {unknown[0]}"}],
            )
