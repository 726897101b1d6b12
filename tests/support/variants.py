"""Readers enough to split, and another opinion on what they should read."""

from dataclasses import dataclass, replace

from newsrec_pipelines.features.types import Request
from newsrec_pipelines.scoring.versions import Version
from support.fake_model import (
    FakeBlock,
    FakeModel,
    make_articles,
    make_reads,
    make_request,
    make_users,
)
from support.slates import fake_version

READERS = [f"u{n:02d}" for n in range(30)]
REQUEST = make_request(
    make_users(30), make_articles(60), make_reads([("u00", "a000"), ("u03", "a003")])
)


@dataclass
class OldNews(FakeModel):
    """Another opinion: not the five newest articles."""

    def block(self, request: Request) -> FakeBlock:
        """As the fake model."""
        return super().block(replace(request, articles=request.articles[5:]))


def other() -> Version:
    """The version ``other``, which has this opinion."""
    return fake_version(OldNews(), "other")
