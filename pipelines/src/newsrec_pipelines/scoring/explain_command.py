"""`newsrec explain`: for the auditor, why a reader got an article."""

import click

from newsrec_pipelines.context import Context
from newsrec_pipelines.db import connect
from newsrec_pipelines.scoring.explain import Explanation, explain


@click.command("explain")
@click.option("--run", "run_id", required=True, help="As recommend and the API name it.")
@click.option("--user", "user_id", required=True)
@click.option("--article", "article_id", required=True)
@click.option("--variant", help="Of the slate.  [default: that which holds the article]")
@click.option("--json", "as_json", is_flag=True, help="The same as the API answers.")
@click.pass_obj
def command(
    ctx: Context,
    run_id: str,
    user_id: str,
    article_id: str,
    variant: str | None,
    as_json: bool,
) -> None:
    """Tell why an article was recommended to a reader: source, score, rules, model and data."""
    with connect(ctx.settings.require_database_url(), "newsrec_reader") as conn:
        explained = explain(conn, ctx.store, run_id, user_id, article_id, variant)
    click.echo(explained.model_dump_json(indent=2) if as_json else _text(explained))


def _text(e: Explanation) -> str:
    article, ranking, placement = e.article, e.ranking, e.placement
    rated = "as rated" if article.rated else "not rated"
    lines = [
        f"{article.article_id}: {article.title or 'no title is known'}",
        f"for reader {e.user_id} on {e.date}, as known before {e.as_of:%Y-%m-%d %H:%M} UTC",
        f"she was told: {e.reason.text} ({e.reason.code})",
        f"publisher {article.publisher}, reliability {article.reliability:.2f} ({rated})",
        f"run {e.run_id}, {e.variant}, model {e.model_version}, data {e.data_hash}",
        "",
        f"1. found by {', '.join(e.sources) or 'no source'}",
        f"2. scored {ranking.score:+.6f}: {ranking.base:+.6f} as any article, and",
        *(
            f"   {part.contribution:+.6f}  {part.feature} = {_value(part.value)}"
            for part in ranking.contributions
            if part.contribution
        ),
        f"3. {placement.step}: place {placement.place}, propensity {placement.propensity:g}",
    ]
    return "\n".join(lines)


def _value(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"
