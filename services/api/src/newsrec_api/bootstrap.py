"""The composition root: `gunicorn 'newsrec_api.bootstrap:app()'` serves what it returns."""

import os

from flask import Flask

from newsrec_api.app import create_app
from newsrec_api.clock import clock
from newsrec_api.repositories.evidence import StoreEvidence
from newsrec_api.repositories.postgres import postgres, postgres_pool
from newsrec_api.settings import Settings
from newsrec_common import logs


def app() -> Flask:
    """The application of this process, wired to its stores by the environment's settings.

    Raises:
        SettingsError: naming the variable that is missing or wrong.
    """
    logs.configure("newsrec-api")
    settings = Settings.from_env(os.environ)
    pool = postgres_pool(settings.database_url, settings.pool_size)
    repositories = postgres(pool, StoreEvidence(settings.store_url))
    return create_app(settings, repositories, clock(settings))
