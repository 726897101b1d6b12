"""The news model, as a kind."""

from typing import Final

from newsrec_pipelines.models.news import NewsModel

KIND: Final = NewsModel
