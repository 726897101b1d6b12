"""Fixtures that every test may ask for, and seeds that every run shares."""

import os

import hypothesis

# Stages would start processes that import MLflow and Neptune, and outlive the test.
os.environ["TRACKERS"] = "none"

pytest_plugins = ["support.postgres", "support.object_store"]

# The same examples in every run, and no deadline: the machine that runs the tests may be busy.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")
