"""Prints what a person wants to see at the end of the demo."""

from datetime import date

import urllib3
from rich.console import Console
from rich.table import Table

from newsrec_pipelines.context import Context
from newsrec_pipelines.db import connect
from newsrec_pipelines.demo import programs
from newsrec_pipelines.errors import NewsrecError


def slate_of_one_reader(console: Console, ctx: Context, port: int) -> None:
    """The ten articles of the reader who read most, asked of the API as any client would."""
    reader = _keenest_reader(ctx)
    url = f"{programs.public_url(port)}/v1/readers/{reader}/recommendations?limit=10"
    response = urllib3.request("GET", url, timeout=10.0)
    if response.status != 200:
        raise NewsrecError(f"{url} answered {response.status}")
    slate = response.json()
    table = Table(title=f"Ten articles for {reader}, model {slate['model_version']}")
    for column in ("", "title", "category", "why"):
        table.add_column(column, overflow="fold")
    for item in slate["items"]:
        table.add_row(str(item["rank"]), item["title"], item["category"], item["reason"]["text"])
    console.print(table)


def places(console: Console, ctx: Context, digest_day: date, port: int) -> None:
    """Where the emails, the evaluation report and the page are."""
    outbox = ctx.settings.outbox / str(digest_day)
    reports = [k for k in ctx.store.keys("reports/evaluation") if k.endswith(".html")]
    console.print(f"Emails:      {outbox} ({len(list(outbox.glob('*.eml')))} messages)")
    console.print(f"Evaluation:  {ctx.store.where(reports[-1]) if reports else 'none'}")
    console.print(f"Page:        {programs.public_url(port)}/")


def _keenest_reader(ctx: Context) -> str:
    with connect(ctx.settings.require_database_url(), "newsrec_reader") as conn, conn.cursor() as c:
        c.execute(
            "SELECT user_id FROM reads JOIN users USING (user_id) WHERE kind = 'read' "
            "GROUP BY user_id ORDER BY count(*) DESC, user_id LIMIT 1"
        )
        row = c.fetchone()
    if row is None:
        raise NewsrecError("nobody has read anything yet")
    return str(row[0])
