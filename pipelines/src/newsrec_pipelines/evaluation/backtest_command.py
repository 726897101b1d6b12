"""`newsrec backtest`: ours beside every baseline, on days that no model had seen."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from newsrec_pipelines.context import Context
from newsrec_pipelines.evaluation import plots
from newsrec_pipelines.evaluation.backtest import DAILY, IMPRESSIONS
from newsrec_pipelines.evaluation.backtest import backtest as evaluate_all
from newsrec_pipelines.evaluation.backtest_report import as_html
from newsrec_pipelines.options import DAY
from newsrec_pipelines.parameters import BacktestParams
from newsrec_pipelines.progress import working
from newsrec_pipelines.tracking import Run, tracked

FOLDER = "reports/backtest"


@click.command()
@click.option(
    "--from",
    "first",
    type=DAY,
    help="The first day that is evaluated.  [default: backtest.first_day of the parameters]",
)
@click.option("--to", "last", type=DAY, help="The last one.  [default: backtest.last_day]")
@click.option(
    "--mode",
    type=click.Choice([IMPRESSIONS, DAILY, "both"]),
    default="both",
    show_default=True,
    help="Order the lists that were shown, make the slates of each day, or what the data allows.",
)
@click.option(
    "--train-until",
    type=DAY,
    help="One model, of what was known by the end of this day.  [default: a model a day]",
)
@click.option(
    "--ablation/--no-ablation",
    default=True,
    show_default=True,
    help="Also switch off each source of candidates, feature group and score once.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the JSON here, and the page beside it.",
)
@click.pass_obj
def backtest(
    ctx: Context,
    first: datetime | None,
    last: datetime | None,
    mode: str,
    train_until: datetime | None,
    ablation: bool,
    out: Path | None,
) -> None:
    """Evaluate the model beside popularity, ALS, item-kNN, content, plain LambdaMART, chance."""
    first_day, last_day = _days(ctx.params.backtest, first, last)
    if train_until and train_until.date() >= first_day:
        raise click.UsageError(
            "--train-until must be before --from: a model is evaluated on new days"
        )
    with tracked(ctx.settings, "backtest", ctx.params) as run:
        found = evaluate_all(
            ctx.store,
            ctx.params,
            first_day,
            last_day,
            (IMPRESSIONS, DAILY) if mode == "both" else (mode,),
            train_until.date() if train_until else None,
            ablation,
        )
        with working("resample readers, draw the page"):
            result = found.as_json(ctx.params, ctx.settings.git_commit)
            page = as_html(result)
        name = f"{FOLDER}/{first_day}" + ("" if first_day == last_day else f"_{last_day}")
        ctx.store.write_json(f"{name}.json", result)
        ctx.store.write_bytes(f"{name}.html", page.encode())
        _track(run, result, page)
        run.report(f"{name}.html")
    _print(result)
    for ending in ("json", "html"):
        click.echo(f"  {ctx.store.where(f'{name}.{ending}')}")
    if out:
        out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        out.with_suffix(".html").write_text(page, encoding="utf-8")
        click.echo(f"  {out}")


def _track(run: Run, result: dict[str, Any], page: str) -> None:
    first, last = result["first_day"], result["last_day"]
    run.name = f"{result['ours']} on {first}" + ("" if first == last else f" to {last}")
    run.data_hash = result["data_hash"]
    run.tags(first_day=first, last_day=last, train_until=result["train_until"])
    for mode, found in result["modes"].items():
        for system, metrics in found["systems"].items():
            values = {name: estimate["value"] for name, estimate in metrics.items()}
            run.metrics(values, prefix=f"{mode}/{system}/")
    for name, content in plots.figures(page).items():
        run.figure(name, content)


def _days(
    params: BacktestParams, first: datetime | None, last: datetime | None
) -> tuple[date, date]:
    first_day = first.date() if first else params.first_day
    last_day = last.date() if last else params.last_day
    if first_day is None or last_day is None:
        raise click.UsageError("say which days are evaluated: --from and --to")
    if first_day > last_day:
        raise click.UsageError("--from must not be after --to")
    return first_day, last_day


def _print(result: dict[str, Any]) -> None:
    ours = result["ours"]
    for mode, reason in result["not_evaluated"].items():
        click.echo(f"{mode}: not available: {reason}")
    if result["sampled_negatives"]:
        click.echo("negatives were drawn, for want of impressions")
    for mode, found in result["modes"].items():
        click.echo(f"{mode}: {found['lists']:,} lists of {found['readers']:,} readers")
        evaluated = [d["day"] for d in found["days"]]
        if empty := [day for day in _span(result) if day not in evaluated]:
            click.echo(f"  nothing to evaluate by on {', '.join(empty)}")
        metrics = [m for m in found["metrics"] if m in found["systems"][ours]]
        table = Table("system", *metrics, box=None, pad_edge=False)
        for system, estimates in found["systems"].items():
            table.add_row(
                system, *(_cell(system, m, estimates, found["differences"]) for m in metrics)
            )
        Console(width=140).print(table)
    _print_off_policy(result["off_policy"])
    click.echo("* ours is better, ! ours is worse: the interval of the difference leaves out 0")


def _print_off_policy(found: dict[str, Any]) -> None:
    if found["missing"]:
        click.echo(f"exploring less or more: not available: {found['missing']}")
        return
    table = Table("seconds a list", "ips", "snips", "dr", "lists of effect", box=None)
    for policy, estimate in found["policies"].items():
        ends = (estimate[name] for name in ("ips", "snips", "dr"))
        cells = ("n/a" if e is None else f"{e['value']:.1f} ±{_half(e):.1f}" for e in ends)
        table.add_row(policy, *cells, f"{estimate['effective_lists']:,.0f}")
    Console(width=140).print(table)


def _half(interval: dict[str, float]) -> float:
    return (interval["high"] - interval["low"]) / 2


def _span(result: dict[str, Any]) -> list[str]:
    first, last = (date.fromisoformat(result[key]) for key in ("first_day", "last_day"))
    return [str(first + timedelta(days=n)) for n in range((last - first).days + 1)]


def _cell(system: str, metric: str, estimates: Any, differences: Any) -> str:
    if metric not in estimates:
        return "n/a"
    found = differences.get(system, {}).get(metric)
    mark = ""
    if found is not None and found["low"] is not None:
        mark = "*" if found["low"] > 0 else "!" if found["high"] < 0 else ""
    return f"{estimates[metric]['value']:.4f}{mark}"
