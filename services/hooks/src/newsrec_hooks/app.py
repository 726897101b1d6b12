"""The application factory: settings and the programs behind us in, a Flask application out."""

from flask import Flask

from newsrec_hooks import http, observe, openapi, problems
from newsrec_hooks.actions import Act
from newsrec_hooks.adapters.interfaces import DagRunner, Gateway
from newsrec_hooks.metrics import Metrics
from newsrec_hooks.routes import alerts, operations
from newsrec_hooks.settings import Settings


def create_app(settings: Settings, dags: DagRunner, gateway: Gateway | None) -> Flask:
    """Wire the actions to their route; nothing is connected before the first alert.

    Without a `gateway` there is no canary that an alert could abort.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = http.MAX_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.strict_slashes = True

    metrics = Metrics()
    observe.register(app, metrics)
    problems.register(app)
    app.register_blueprint(alerts.blueprint(Act(dags, gateway, metrics), settings.token))
    app.register_blueprint(operations.blueprint(metrics, openapi.load()))
    return app
