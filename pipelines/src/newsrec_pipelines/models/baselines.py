"""Orders that need no learning: by clicks, by age, and by chance; what any model has to beat."""

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.features.types import Pairs
from newsrec_pipelines.models.exploration import reader_keys, uniform
from newsrec_pipelines.models.protocols import Rows, Vectors
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.topk import first_unread


class ByArticle:
    """A bound scorer that is the same for all readers, such as clicks or newness."""

    def __init__(self, scores: NDArray[np.floating], request: RequestRows) -> None:
        """Keep the scores, shape (articles,); of equal ones the newer article is better."""
        newer = request.request.articles["published_at"].rank("ordinal").to_numpy()
        self._scores = scores.astype(np.float32)
        self._order = np.lexsort((-newer.astype(np.int64), -self._scores))
        self._request = request
        self._lists: dict[int, Rows] = {}

    @classmethod
    def newest(cls, request: RequestRows) -> "ByArticle":
        """The newest article first."""
        return cls(request.request.articles["published_at"].rank("ordinal").to_numpy(), request)

    def of_pairs(self, pairs: Pairs) -> Vectors:
        """The scores of the articles."""
        return self._scores[pairs.article_row]

    def best(self, user_rows: Rows, k: int) -> Pairs:
        """The articles with the highest scores that each reader may get."""
        eligibility = self._request.eligibility
        groups, list_of_reader = np.unique(
            eligibility.group_of_reader[user_rows], return_inverse=True
        )
        lists = [self._ordered(group) for group in groups.tolist()]
        return first_unread(user_rows, lists, list_of_reader, eligibility, k)

    def _ordered(self, group: int) -> Rows:
        if group not in self._lists:
            allowed = np.zeros(len(self._order), dtype=bool)
            allowed[self._request.eligibility.articles_of(group)] = True
            self._lists[group] = self._order[allowed[self._order]]
        return self._lists[group]


class Chance:
    """Scores without any meaning, the same for the same seed, moment, reader and article."""

    def __init__(self, seed: int, request: RequestRows) -> None:
        """Draw for the readers and articles of a request."""
        asked = request.request
        # Other seeds than those of exploration, which draws by reader too.
        self._users = reader_keys(asked.users["user_id"], asked.as_of, seed + 1)
        self._articles = reader_keys(asked.articles["article_id"], asked.as_of, seed + 2)
        self._eligibility = request.eligibility

    def of_pairs(self, pairs: Pairs) -> Vectors:
        """Uniform between 0 and 1, shape (pairs,)."""
        keys = self._users[pairs.user_row] ^ self._articles[pairs.article_row]
        return uniform(keys, 1).astype(np.float32)

    def best(self, user_rows: Rows, k: int) -> Pairs:
        """Up to `k` articles of each reader, drawn from those that she may get.

        They are drawn with replacement and taken once, so there may be fewer.
        """
        groups = self._eligibility.group_of_reader[user_rows]
        drawn = [np.zeros((0, 2), np.int64)]
        for group in np.unique(groups).tolist():
            rows, readers = self._eligibility.articles_of(group), user_rows[groups == group]
            if len(rows):
                chance = np.stack([uniform(self._users[readers], n + 1) for n in range(k)], axis=1)
                article = rows[(chance * len(rows)).astype(np.int64)]
                drawn.append(np.stack([np.repeat(readers, k), article.ravel()], axis=1))
        once = np.unique(np.concatenate(drawn), axis=0)
        pairs = Pairs(once[:, 0], once[:, 1])
        unread = self._eligibility.unread(pairs)
        return Pairs(pairs.user_row[unread], pairs.article_row[unread])
