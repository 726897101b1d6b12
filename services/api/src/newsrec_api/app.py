"""The application factory: settings, repositories and a clock in, a Flask application out."""

import os

from flask import Flask

from newsrec_api import http, observe, openapi, problems
from newsrec_api.clock import Clock
from newsrec_api.metrics import Metrics
from newsrec_api.repositories.interfaces import Repositories
from newsrec_api.routes import (
    articles,
    demo,
    documents,
    events,
    explanations,
    links,
    operations,
    readers,
)
from newsrec_api.settings import Settings
from newsrec_api.use_cases.explain import Explain
from newsrec_api.use_cases.follow_links import FollowClick, Links
from newsrec_api.use_cases.manage_readers import ManageReaders
from newsrec_api.use_cases.recommend import Recommend
from newsrec_api.use_cases.take_events import TakeEvents


def create_app(settings: Settings, repositories: Repositories, clock: Clock) -> Flask:
    """Wire use cases to routes; nothing is connected or read before the first request."""
    app = Flask(__name__, static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = http.MAX_BODY
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 300
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.converters["id"] = http.IdConverter
    app.url_map.strict_slashes = True

    r = repositories
    metrics = Metrics(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
    recommend = Recommend(r.slates, r.articles, r.readers, clock)
    manage = ManageReaders(r.readers, r.articles, recommend, clock)
    signed = Links(settings.link_secret)
    follow = FollowClick(signed, r.articles, r.blocks, r.events, clock)

    observe.register(app, metrics)
    problems.register(app)
    app.register_blueprint(readers.blueprint(recommend, manage, metrics))
    app.register_blueprint(
        articles.blueprint(recommend, r.articles, r.blocks, clock, settings.admin_token)
    )
    app.register_blueprint(events.blueprint(TakeEvents(r.events, clock), metrics))
    app.register_blueprint(
        explanations.blueprint(Explain(r.audit, r.evidence), settings.audit_token)
    )
    app.register_blueprint(links.blueprint(follow, signed, manage))
    app.register_blueprint(operations.blueprint(r.health, metrics))
    app.register_blueprint(documents.blueprint(openapi.load()))
    if settings.demo:
        app.register_blueprint(demo.blueprint(r.demo, r.slates, clock))
    return app
