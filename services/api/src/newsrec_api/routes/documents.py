"""/v1/openapi.json and /docs: the contract, for programs and for people."""

from typing import Any

from flask import Blueprint, Response, render_template

from newsrec_api.http import json_response
from newsrec_api.openapi import operations


def blueprint(document: dict[str, Any]) -> Blueprint:
    """Routes that show the OpenAPI document."""
    routes = Blueprint("documents", __name__)
    listed = operations(document)

    @routes.get("/v1/openapi.json")
    def contract() -> Response:
        return json_response(document)

    @routes.get("/docs")
    def page() -> Response:
        return Response(
            render_template("docs.html", document=document, operations=listed),
            content_type="text/html; charset=utf-8",
        )

    return routes
