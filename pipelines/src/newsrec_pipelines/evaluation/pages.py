"""The pages of the reports: HTML that needs no other file, out of the templates."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(template: str, **values: Any) -> str:
    """The page of a template; every name in it must be among the values."""
    environment = Environment(
        loader=PackageLoader("newsrec_pipelines.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
