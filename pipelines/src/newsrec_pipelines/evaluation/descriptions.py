"""What the names in the reports mean: systems, metrics, and why a number is missing."""

from typing import Final

from newsrec_pipelines.evaluation.beyond_accuracy import BEYOND_METRICS
from newsrec_pipelines.evaluation.metrics import LIST_METRICS, SLATE_METRICS

NOT_AVAILABLE: Final = "not available"

SYSTEMS: Final = {
    "news": "the model that serves: candidates of all sources, ordered by the ranker",
    "news_by_clicks": "the same as news, trained on clicks however long they were read",
    "counters": "a plain LambdaMART, trained on clicks, with counts of clicks and exposures in "
    "windows, their rank and share within the list, freshness, and the exposure history of the "
    "reader and the article",
    "popularity": "what is read now, with exponential decay, by region",
    "als": "collaborative filtering on who read what, dwell as confidence",
    "coread": "item-kNN: what readers of the same articles read on the same day",
    "content": "articles about what the reader has read about",
    "clicks_3h": "most opened in the last three hours",
    "clicks_24h": "most opened in the last 24 hours",
    "newest": "the newest first",
    "random": "any order; slates keep the same rules as all the others",
}

OTHER_KIND: Final = "the model that is evaluated, of another kind than news"

METRICS: Final = {
    "auc": "share of pairs of a clicked and an unclicked article in the right order; 0.5 is chance",
    "mrr": "mean of 1 / rank of the clicked articles",
    "ndcg@5": "clicked articles near the top of the first five count most; 1 is the ideal order",
    "ndcg@10": "likewise, of the first ten",
    "seconds@3": "seconds that readers gave to the first three, mean over lists",
    "recall@10": "share of the newly opened articles of the day that were among the ten; at most "
    "reachable / relevant",
    "hr@10": "share of readers who opened at least one of the ten",
    "mrr@10": "mean of 1 / place of the first opened one of the ten",
    "slate_ndcg@10": "opened articles near the top of the ten count most",
    "dwell_ndcg@10": "likewise, each article weighted by how long it was read",
    "novelty": "mean over the ten of -log2 of the share of readers who had opened the article "
    "before; higher is less known, not better",
    "diversity": "mean over pairs of the ten of 1 - cosine of what they are about; higher is more "
    "diverse, not better",
    "coverage": "share of the candidates that anybody evaluated got among the ten, mean over days",
}

# Of the metrics that the data cannot give.
REASONS: Final = {
    **dict.fromkeys(
        LIST_METRICS, "the data has no impressions with clicked and unclicked articles"
    ),
    **dict.fromkeys((*SLATE_METRICS, *BEYOND_METRICS), "no reader known before read anything new"),
    "dwell_ndcg@10": "the data has no dwell",
    "diversity": "the articles have no texts",
    "coverage": "there were no candidates",
}
