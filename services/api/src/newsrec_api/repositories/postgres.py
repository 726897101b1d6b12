"""All repositories over one pool of connections."""

from newsrec_api.repositories import slates
from newsrec_api.repositories.articles import PostgresArticles, PostgresBlocks
from newsrec_api.repositories.demo import PostgresDemo
from newsrec_api.repositories.events import PostgresEvents
from newsrec_api.repositories.health import PostgresHealth
from newsrec_api.repositories.interfaces import Repositories
from newsrec_api.repositories.pool import Pool
from newsrec_api.repositories.readers import PostgresReaders


def postgres_pool(url: str, size: int) -> Pool:
    """The pool that `postgres` needs; it connects on first use."""
    return Pool(url, size, prepare=slates.PREPARE)


def postgres(pool: Pool) -> Repositories:
    """The repositories of the running service."""
    return Repositories(
        slates=slates.PostgresSlates(pool),
        articles=PostgresArticles(pool),
        readers=PostgresReaders(pool),
        events=PostgresEvents(pool),
        blocks=PostgresBlocks(pool),
        demo=PostgresDemo(pool),
        health=PostgresHealth(pool),
    )
