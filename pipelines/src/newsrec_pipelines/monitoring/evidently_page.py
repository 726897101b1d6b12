"""The drift report for people, by Evidently: the same distances, with the distributions."""

import os
import warnings

from newsrec_pipelines.monitoring.drift import Compared


def page(compared: Compared) -> str | None:
    """One HTML page that needs no other file (3.8 MB); None when nothing could be compared."""
    if not compared.distances:
        return None
    # Evidently takes seconds to import, warns of its own parts, and would call home.
    os.environ.setdefault("DO_NOT_TRACK", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _render(compared)


def _render(compared: Compared) -> str:
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    columns = [d.column for d in compared.distances]
    numbers = [d.column for d in compared.distances if d.method == "wasserstein"]
    names = [c for c in columns if c not in numbers]
    definition = DataDefinition(categorical_columns=names, numerical_columns=numbers)
    preset = DataDriftPreset(
        columns=columns,
        per_column_method={d.column: d.method for d in compared.distances},
        per_column_threshold={d.column: d.threshold for d in compared.distances},
    )
    current, reference = (
        Dataset.from_pandas(frame.select(columns).to_pandas(), data_definition=definition)
        for frame in (compared.current, compared.reference)
    )
    html: str = Report([preset]).run(current, reference).get_html_str(as_iframe=False)
    return html
