"""/v1/openapi.json and /docs: the contract, for programs and for people."""

from importlib.resources import as_file, files
from typing import Any

from flask import Blueprint, Response, render_template, send_from_directory

from newsrec_api.http import json_response


def blueprint(document: dict[str, Any]) -> Blueprint:
    """Routes that show the OpenAPI document."""
    routes = Blueprint("documents", __name__)
    viewer = files("flask_swagger_ui").joinpath("dist")

    @routes.get("/v1/openapi.json")
    def contract() -> Response:
        return json_response(document)

    @routes.get("/docs")
    def page() -> Response:
        return Response(
            render_template("docs.html", title=document["info"]["title"]),
            content_type="text/html; charset=utf-8",
        )

    # The package has a page too, but its script stands inline, which our policy forbids.
    @routes.get("/static/swagger-ui/<any('swagger-ui-bundle.js', 'swagger-ui.css'):name>")
    def viewer_file(name: str) -> Response:
        with as_file(viewer) as folder:
            return send_from_directory(folder, name)

    return routes
