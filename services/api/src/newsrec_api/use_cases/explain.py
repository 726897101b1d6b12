"""Why an article is where it is in a reader's slate: her sentence, and what scoring kept."""

from dataclasses import asdict
from typing import Any

from newsrec_api.repositories.interfaces import Audit, Evidence


class Explain:
    """Puts together what the database and the files of a run say of one place."""

    def __init__(self, audit: Audit, evidence: Evidence) -> None:
        self._audit = audit
        self._evidence = evidence

    def __call__(
        self, run_id: str, user_id: str, article_id: str, variant: str | None = None
    ) -> dict[str, Any]:
        """`Explanation` in openapi.yaml, the same as `newsrec explain --json` prints.

        Args:
            run_id: of a published run.
            user_id: whose slate.
            article_id: one of its articles.
            variant: of the slate.  [default: that which holds the article, her variant's first]

        Raises:
            NotFoundError: when there is no such run, reader or article in it.
            GoneError: when what the run was made of has been dropped.
            NotInstalledError: when this installation cannot explain.
            DamagedError: when the files of the run are not what was written.
        """
        told = self._audit.told(run_id, variant, user_id, article_id)
        kept = self._evidence.kept(told.day, run_id, told.variant, user_id, article_id)
        return {
            "run_id": run_id,
            "date": told.day,
            "as_of": kept.as_of,
            "model_version": kept.model_version,
            "data_hash": kept.data_hash,
            "variant": told.variant,
            "user_id": user_id,
            "article": {
                "article_id": article_id,
                "title": told.title,
                "publisher": kept.publisher,
                "reliability": kept.reliability,
                "rated": kept.rated,
            },
            "reason": told.reason,
            "sources": kept.sources,
            "ranking": {
                "score": kept.score,
                "base": kept.base,
                "contributions": [asdict(part) for part in kept.contributions],
            },
            "placement": {
                "place": kept.place,
                "step": kept.step,
                "propensity": kept.propensity,
            },
        }
