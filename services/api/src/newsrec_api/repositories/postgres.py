"""All repositories: tables over one pool of connections, and files."""

from newsrec_api.repositories import slates
from newsrec_api.repositories.articles import PostgresArticles, PostgresBlocks
from newsrec_api.repositories.audit import PostgresAudit
from newsrec_api.repositories.demo import PostgresDemo
from newsrec_api.repositories.events import PostgresEvents
from newsrec_api.repositories.health import PostgresHealth
from newsrec_api.repositories.interfaces import Evidence, Repositories
from newsrec_api.repositories.pool import Pool
from newsrec_api.repositories.readers import PostgresReaders


def postgres_pool(url: str, size: int) -> Pool:
    """The pool that `postgres` needs; it connects on first use."""
    return Pool(url, size, prepare=slates.PREPARE)


def postgres(pool: Pool, evidence: Evidence) -> Repositories:
    """The repositories of the running service; `evidence` lies elsewhere."""
    return Repositories(
        slates=slates.PostgresSlates(pool),
        articles=PostgresArticles(pool),
        readers=PostgresReaders(pool),
        events=PostgresEvents(pool),
        blocks=PostgresBlocks(pool),
        demo=PostgresDemo(pool),
        health=PostgresHealth(pool),
        audit=PostgresAudit(pool),
        evidence=evidence,
    )
