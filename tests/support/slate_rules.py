"""The rules of slates once more, one candidate after the other: the fast ones must agree."""

from typing import NamedTuple

from newsrec_pipelines.parameters import SlateParams
from newsrec_pipelines.schemas import UNKNOWN


class Candidate(NamedTuple):
    """An article, and what the ranker says of it."""

    article_id: str
    publisher: str
    score: float
    first: bool = False
    category: str = "climate"
    subcategory: str | None = None
    exposures_24h: float = 0.0


class Said(NamedTuple):
    """What the rules say of an article at a place."""

    propensity: float
    steps: set[str]


class Replay:
    """A slate, filled with given articles place by place."""

    def __init__(self, candidates: list[Candidate], params: SlateParams) -> None:
        self.params = params
        self.placed: list[Candidate] = []
        ratings = params.reliability
        self.reliability = {
            c.publisher: ratings.get(c.publisher, params.unrated_reliability) for c in candidates
        }
        self.left = sorted(
            (c for c in candidates if self.reliability[c.publisher] >= params.least_reliability),
            key=lambda c: (not c.first, -c.score, c.article_id),
        )
        scores = sorted((c.score for c in self.left), reverse=True)[: 3 * params.depth]
        self.best, self.last = (scores[0], scores[-1]) if scores else (0.0, 0.0)

    def place(self, article_id: str) -> list[Said]:
        """Give the next place to an article that may have it.

        Returns:
            What the rules say of that; in several ways, where several articles are worth the same.
        """
        allowed, pool = self.allowed(), self.pool()
        article = next(c for c in allowed if c.article_id == article_id)
        spent = self.spent(pool)
        said = [
            Said(
                (1 - spent) * (article == ranked) + spent * (article in pool) / max(len(pool), 1),
                ({"explored"} if spent and article in pool else set())
                | ({"ranked", "diversified"} if article == ranked else set()),
            )
            for ranked in self.ranked(allowed)
        ]
        self.left.remove(article)
        self.placed.append(article)
        return said

    def could_come(self) -> set[str]:
        """Ids of all articles that may get the next place."""
        pool = self.pool()
        drawn = {c.article_id for c in pool} if self.spent(pool) else set()
        return drawn | {self.ranked(self.allowed())[0].article_id}

    def allowed(self) -> list[Candidate]:
        """Who may have the next place."""
        free = self.left
        if len(self.placed) < 3 or any(self.held_back(c) for c in self.placed):
            free = [c for c in free if not self.held_back(c)]
        within = [c for c in free if self.count(c.publisher) < self.params.max_per_publisher]
        allowed = within or free
        return [c for c in allowed if c.first] or allowed

    def pool(self) -> list[Candidate]:
        """Who may be drawn for the next place."""
        unseen = [c for c in self.allowed() if c.exposures_24h < self.params.explore_below]
        return [c for c in unseen if not self.held_back(c)]

    def spent(self, pool: list[Candidate]) -> float:
        """The chance that the next place is drawn."""
        explores = bool(pool) and len(self.placed) + 1 >= self.params.explore_from
        return self.params.exploration if explores else 0.0

    def ranked(self, allowed: list[Candidate]) -> list[Candidate]:
        """Who has the next place without exploration: all that are worth the most."""
        if not self.params.diversity:
            return allowed[:1]
        most = max(self.gain(c) for c in allowed)
        return [c for c in allowed if self.gain(c) > most - 1e-5]

    def gain(self, c: Candidate) -> float:
        """What an article is worth beside those placed."""
        spread = self.best - self.last
        relevance = (c.score - self.last) / (spread if spread > 0 else 1.0)
        alike = max((similarity(c, other) for other in self.placed), default=0.0)
        return (1 - self.params.diversity) * relevance - self.params.diversity * alike

    def held_back(self, c: Candidate) -> bool:
        return self.reliability[c.publisher] < self.params.held_back_below

    def count(self, publisher: str) -> int:
        if publisher == UNKNOWN:
            return 0
        return sum(c.publisher == publisher for c in self.placed)


def similarity(one: Candidate, other: Candidate) -> float:
    """How much alike two articles are."""
    category = one.category == other.category
    subcategory = category and one.subcategory == other.subcategory is not None
    publisher = one.publisher == other.publisher != UNKNOWN
    return 0.6 * (category and one.category != UNKNOWN) + 0.3 * subcategory + 0.1 * publisher
