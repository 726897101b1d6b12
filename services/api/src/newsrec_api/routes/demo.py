"""The demo page and what only it asks; registered with DEMO=1 only."""

from typing import Any

from flask import Blueprint, Response, render_template

from newsrec_api.clock import Clock
from newsrec_api.demo_names import name
from newsrec_api.errors import NotFoundError
from newsrec_api.http import json_response
from newsrec_api.repositories.interfaces import Demo, Slates

READERS_PER_GROUP = 4


def blueprint(demo: Demo, slates: Slates, clock: Clock) -> Blueprint:
    """The page at `/` and its data below `/demo`."""
    routes = Blueprint("demo", __name__)

    @routes.get("/")
    def page() -> Response:
        return Response(render_template("demo.html"), content_type="text/html; charset=utf-8")

    @routes.get("/demo/readers")
    def readers() -> Response:
        found = demo.readers(READERS_PER_GROUP)
        return json_response({"now": clock(), "readers": [_named(r) for r in found]})

    @routes.get("/demo/readers/<id:user_id>")
    def reader(user_id: str) -> Response:
        found = demo.reader(user_id)
        if found is None:
            raise NotFoundError("there is no such reader")
        return json_response(
            {
                "now": clock(),
                "reader": _named(found),
                "recent_reads": demo.recent_reads(user_id, 5),
                "opened": demo.opened_since_run(user_id),
            }
        )

    return routes


def _named(reader: dict[str, Any]) -> dict[str, Any]:
    return {**reader, "name": name(reader["user_id"], reader["language"])}
