"""The composition root: `gunicorn 'newsrec_hooks.bootstrap:app()'` serves what it returns."""

import os
from functools import partial

from flask import Flask

from newsrec_common import logs
from newsrec_hooks.adapters.airflow import Airflow
from newsrec_hooks.adapters.kong import Kong, nodes
from newsrec_hooks.app import create_app
from newsrec_hooks.settings import Settings


def app() -> Flask:
    """The application of this process, wired to Airflow and Kong by the environment's settings.

    Raises:
        SettingsError: naming the variable that is missing or wrong.
    """
    logs.configure("newsrec-hooks")
    settings = Settings.from_env(os.environ)
    airflow = Airflow(settings.airflow_url, settings.airflow_user, settings.airflow_password)
    kong = None
    if settings.kong_admin_url:
        admin = partial(nodes, settings.kong_admin_url)
        kong = Kong(admin, settings.kong_upstream, settings.kong_canary)
    return create_app(settings, airflow, kong)
