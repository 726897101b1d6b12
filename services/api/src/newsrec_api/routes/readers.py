"""/v1/readers: slates, onboarding, preferences."""

import time
from typing import Any

from flask import Blueprint, Response

from newsrec_api.http import body, json_response, limit, query_text
from newsrec_api.metrics import Metrics
from newsrec_api.use_cases.manage_readers import ManageReaders, NewReader, Preferences
from newsrec_api.use_cases.recommend import Recommend, Slate
from newsrec_api.values import Profile


def blueprint(recommend: Recommend, manage: ManageReaders, metrics: Metrics) -> Blueprint:
    """Routes about readers."""
    routes = Blueprint("readers", __name__, url_prefix="/v1/readers")

    @routes.get("/<id:user_id>/recommendations")
    def recommendations(user_id: str) -> Response:
        began = time.perf_counter()
        n = limit()
        slate = recommend.slate(user_id, n, query_text("region"), query_text("language"))
        response = json_response(_slate(slate))
        metrics.slate(n, slate.fallback, slate.as_of, time.perf_counter() - began)
        return response

    @routes.post("")
    def join() -> Response:
        user_id, items = manage.join(body(NewReader), limit())
        location = {"Location": f"/v1/readers/{user_id}/recommendations"}
        return json_response({"user_id": user_id, "items": items}, 201, location)

    @routes.get("/<id:user_id>/preferences")
    def preferences(user_id: str) -> Response:
        return json_response(_preferences(manage.preferences(user_id)))

    @routes.put("/<id:user_id>/preferences")
    def change(user_id: str) -> Response:
        return json_response(_preferences(manage.change(user_id, body(Preferences))))

    return routes


def _slate(slate: Slate) -> dict[str, Any]:
    run, slate_id = slate.run, None
    if run and not slate.fallback:
        slate_id = f"{run.run_id}:{slate.variant}:{slate.user_id}"
    return {
        "user_id": slate.user_id,
        "slate_id": slate_id,
        "run_id": run.run_id if run else None,
        "model_version": run.model_version if run else None,
        "variant": slate.variant,
        "as_of": slate.as_of,
        "fallback": slate.fallback,
        "items": slate.items,
    }


def _preferences(profile: Profile) -> dict[str, Any]:
    # The email address can be set but not read: a list of ids must not become a list of addresses.
    return {
        "user_id": profile.user_id,
        "region": profile.region,
        "language": profile.language,
        "timezone": profile.timezone,
        "preferred_categories": list(profile.preferred_categories),
        "email_digest": profile.email_digest,
    }
