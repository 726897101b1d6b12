"""/r and /u: where the links of the emails lead."""

from flask import Blueprint, Response, render_template, request

from newsrec_api.use_cases.follow_links import FollowClick, Links
from newsrec_api.use_cases.manage_readers import ManageReaders


def blueprint(follow: FollowClick, links: Links, manage: ManageReaders) -> Blueprint:
    """Routes that people reach from their mail program."""
    routes = Blueprint("links", __name__)

    @routes.get("/r/<token>")
    def click(token: str) -> Response:
        # HEAD comes from machines that look whether a link is alive.
        address = follow(token, record=request.method == "GET")
        return Response(status=302, headers={"Location": address})

    @routes.get("/u/<token>")
    def ask(token: str) -> Response:
        # Mail programs and virus scanners open links: opening this one changes nothing.
        links.unsubscribe(token)
        return _page("unsubscribe.html")

    @routes.post("/u/<token>")
    def unsubscribe(token: str) -> Response:
        # RFC 8058: mail programs post List-Unsubscribe=One-Click here, without cookies.
        manage.unsubscribe(links.unsubscribe(token))
        return _page("unsubscribed.html")

    return routes


def _page(template: str) -> Response:
    return Response(render_template(template), content_type="text/html; charset=utf-8")
