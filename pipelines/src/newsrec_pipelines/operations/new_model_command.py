"""`newsrec new-model`: a kind of model that works at once, out of a template."""

import keyword
import re
from pathlib import Path
from typing import Final

import click

from newsrec_pipelines.errors import ConfigError

TEMPLATE: Final = Path("pipelines/templates/model")
_KINDS: Final = Path("pipelines/src/newsrec_pipelines/models/kinds")
_TESTS: Final = Path("tests/unit/models/kinds")
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST: Final = 30


@click.command("new-model")
@click.argument("name")
@click.option(
    "--into",
    "checkout",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The checkout of newsrec.  [default: this folder]",
)
def new_model(name: str, checkout: Path) -> None:
    """Write a kind of model called NAME, and its tests, which pass at once."""
    for file in scaffold(name, checkout):
        click.echo(f"  {file}")
    click.echo(f"next: pytest {_TESTS}/test_{name}.py; newsrec train --kind {name} --date DAY")


def scaffold(name: str, checkout: Path) -> list[Path]:
    """Copy the template for a new kind of model.

    Args:
        name: of the kind.
        checkout: of this repository, which holds the template and gets the files.

    Returns:
        The new files, relative to the checkout.

    Raises:
        ConfigError: when the name is none for a kind or is taken, or this is no checkout.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or len(name) > _LONGEST:
        raise ConfigError(
            f"{name!r} is no name for a kind of model: up to {_LONGEST} small letters, digits "
            "and single _, such as trend"
        )
    if not (checkout / TEMPLATE).is_dir():
        raise ConfigError(f"{checkout.absolute()} is no checkout of newsrec: no {TEMPLATE}")
    files = [_KINDS / f"{name}.py", _TESTS / f"test_{name}.py"]
    taken = [file for file in files if (checkout / file).exists()]
    if taken:
        raise ConfigError(f"there is a kind of model {name!r} already: see {taken[0]}")
    try:
        import copier  # seconds, and of a developer's environment only
    except ImportError as e:
        raise ConfigError(
            "copier is not installed here: it is in requirements/dev.txt (make setup)"
        ) from e
    copier.run_copy(
        str(checkout / TEMPLATE),
        checkout,
        data={"name": name},
        defaults=True,
        quiet=True,
        overwrite=False,
    )
    return files
