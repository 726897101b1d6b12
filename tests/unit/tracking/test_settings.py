"""Settings of trackers and metrics: local defaults, and one clear line for what is wrong."""

from pathlib import Path

import pytest

from newsrec_pipelines.errors import ConfigError
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.tracking.tracker import target


def test_everything_is_local_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    found = Settings.from_env({"NEWSREC_VAR": str(tmp_path)})
    assert found.pushgateway_url is None
    assert found.tracking.trackers == ("mlflow", "neptune")
    assert found.tracking.wait_seconds == 0
    assert found.tracking.mlflow_uri == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert found.tracking.mlflow_artifacts == f"file://{tmp_path}/mlflow/artifacts"
    assert found.tracking.neptune_token is None
    assert target("neptune", found) == f"{tmp_path}/neptune"


@pytest.mark.parametrize(
    ("text", "found"),
    [("none", ()), ("neptune", ("neptune",)), (" neptune , mlflow,neptune", ("neptune", "mlflow"))],
)
def test_trackers_are_named_in_any_order_and_once(text: str, found: tuple[str, ...]) -> None:
    assert Settings.from_env({"TRACKERS": text}).tracking.trackers == found


def test_a_database_is_reached_by_the_driver_that_is_there() -> None:
    env = {"MLFLOW_TRACKING_URI": "postgresql://u:p@h/mlflow"}
    assert Settings.from_env(env).tracking.mlflow_uri == "postgresql+psycopg2://u:p@h/mlflow"


def test_a_token_is_read_from_its_file_and_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("hush\n")
    found = Settings.from_env({"NEPTUNE_API_TOKEN_FILE": str(file), "NEPTUNE_PROJECT": "a/b"})
    assert found.tracking.neptune_token == "hush"
    assert target("neptune", found) == "a/b"
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TRACKERS", "mlflow,wandb"),
        ("TRACKING_WAIT", "-1"),
        ("TRACKING_WAIT", "nan"),
        ("TRACKING_LIMIT", "0"),
        ("TRACKING_LIMIT", "soon"),
        ("TRACKING_LIMIT", "inf"),
        ("NEPTUNE_API_TOKEN_FILE", "/nowhere"),
        ("PUSHGATEWAY_URL", "ftp://x"),
    ],
)
def test_a_wrong_setting_is_named(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=variable):
        Settings.from_env({variable: value})
