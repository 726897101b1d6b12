"""/v1/runs/…/explanation: why a reader got an article, for auditors."""

from flask import Blueprint, Response

from newsrec_api.errors import NotFoundError
from newsrec_api.http import json_response, query_text, require_bearer
from newsrec_api.use_cases.explain import Explain


def blueprint(explain: Explain, audit_token: str | None) -> Blueprint:
    """The route of auditors; without `audit_token` it tells nobody anything."""
    routes = Blueprint("explanations", __name__, url_prefix="/v1/runs")

    @routes.get("/<id:run_id>/readers/<id:user_id>/articles/<id:article_id>/explanation")
    def explanation(run_id: str, user_id: str, article_id: str) -> Response:
        if audit_token is None:
            raise NotFoundError("explanations are switched off here: AUDIT_TOKEN is not set")
        require_bearer(audit_token, "auditors")
        return json_response(explain(run_id, user_id, article_id, query_text("variant")))

    return routes
