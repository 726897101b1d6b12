"""What `feast apply` registers: newsrec's definitions, over the store of the environment."""

import os

from feast import Project

from newsrec_pipelines.features.definitions import PROJECT, define
from newsrec_pipelines.settings import Settings

_defined = define(Settings.from_env(os.environ).store_url)

# Feast collects the objects that a module names one by one.
project = Project(name=PROJECT, description="Articles for readers, from what they read")
user, article, category, publisher = _defined.entities
(
    article_features,
    article_day_features,
    user_features,
    user_category_features,
    user_publisher_features,
    exposure_history_features,
) = _defined.views
ranker_v1 = _defined.service
