"""/v1/articles, /v1/trending, /v1/categories: articles without a reader, and their blocks."""

from dataclasses import asdict
from typing import Annotated

from flask import Blueprint, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from newsrec_api.clock import Clock
from newsrec_api.errors import NotFoundError
from newsrec_api.http import body, json_response, limit, query_text, require_bearer
from newsrec_api.repositories.interfaces import Articles, Blocks
from newsrec_api.use_cases.recommend import Recommend


class BlockRequest(BaseModel):
    """Who blocks an article, and why."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
    blocked_by: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)
    ]


def blueprint(
    recommend: Recommend, articles: Articles, blocks: Blocks, clock: Clock, admin_token: str
) -> Blueprint:
    """Routes about articles; those of operators ask for `admin_token`."""
    routes = Blueprint("articles", __name__, url_prefix="/v1")

    def operators_only() -> None:
        require_bearer(admin_token, "operators")

    @routes.get("/articles/<id:article_id>/similar")
    def similar(article_id: str) -> Response:
        items = recommend.similar(article_id, limit())
        return json_response({"article_id": article_id, "items": items})

    @routes.get("/trending")
    def trending() -> Response:
        region, language = query_text("region"), query_text("language")
        trend = recommend.trending(region or "", language or "", limit())
        return json_response(
            {
                "region": region,
                "language": language,
                "run_id": trend.run.run_id if trend.run else None,
                "as_of": trend.as_of,
                "items": trend.items,
            }
        )

    @routes.get("/categories")
    def categories() -> Response:
        return json_response({"categories": articles.categories()})

    @routes.put("/articles/<id:article_id>/block")
    def block(article_id: str) -> Response:
        operators_only()
        asked = body(BlockRequest)
        made, new = blocks.block(article_id, asked.blocked_by, asked.reason, clock())
        return json_response(asdict(made), 201 if new else 200)

    @routes.get("/articles/<id:article_id>/block")
    def history(article_id: str) -> Response:
        operators_only()
        found = blocks.history(article_id)
        return json_response(
            {
                "article_id": article_id,
                "blocked": any(b.lifted_at is None for b in found),
                "history": [asdict(b) for b in found],
            }
        )

    @routes.delete("/articles/<id:article_id>/block")
    def lift(article_id: str) -> Response:
        operators_only()
        lifted_by = query_text("lifted_by", required=True) or ""
        lifted = blocks.lift(article_id, lifted_by, clock())
        if lifted is None:
            raise NotFoundError("this article is not blocked")
        return json_response(asdict(lifted))

    return routes
