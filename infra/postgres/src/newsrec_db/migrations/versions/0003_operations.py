"""Variants of readers, what became of slates, and what the monitor found.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROLES = ("newsrec_operations", "newsrec_monitoring")

TABLES = """
-- Writer: operations ----------------------------------------------------------------------------
-- Which share of the readers gets another model version's slates. The split itself is made by
-- scoring; services only ask whether a variant still holds. A change ends a row and begins another.
CREATE TABLE variants (
    name          text NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{0,31}$' AND name <> 'champion'),
    model_version text NOT NULL,
    percent       numeric(5, 2) NOT NULL CHECK (percent > 0 AND percent <= 100),
    began_at      timestamptz NOT NULL DEFAULT now(),  -- of its first row; a change keeps it
    set_at        timestamptz NOT NULL DEFAULT now(),
    set_by        text NOT NULL,
    set_why       text NOT NULL,
    ended_at      timestamptz,
    ended_by      text,
    ended_why     text,
    PRIMARY KEY (name, set_at)
);
CREATE UNIQUE INDEX variants_active ON variants (name) WHERE ended_at IS NULL;

-- Writer: monitoring ----------------------------------------------------------------------------
-- The prediction history: every published slate of a day, and what became of it.
CREATE TABLE slate_outcomes (
    day           date NOT NULL,
    run_id        text NOT NULL,
    user_id       text NOT NULL,
    variant       text NOT NULL,
    model_version text NOT NULL,
    article_ids   text[] NOT NULL,
    impressions   integer NOT NULL,
    clicks        integer NOT NULL,
    dwell_seconds real,               -- null: clicked, and no dwell is known
    PRIMARY KEY (day, run_id, user_id, variant)
) PARTITION BY RANGE (day);

-- One row a day, model version and variant; a reader counts who was shown a slate of it.
CREATE TABLE realised_quality (
    day              date NOT NULL,
    model_version    text NOT NULL,
    variant          text NOT NULL,
    slates           integer NOT NULL,
    readers          integer NOT NULL,
    impressions      integer NOT NULL,
    clicks           integer NOT NULL,
    dwell_per_reader real,
    low              real,
    high             real,
    computed_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (day, model_version, variant)
);

CREATE TABLE data_checks (
    day        date NOT NULL,
    name       text NOT NULL,
    severity   text NOT NULL CHECK (severity IN ('error', 'warning')),  -- an error stops training
    passed     boolean NOT NULL,
    value      double precision,
    low        double precision,
    high       double precision,
    detail     text NOT NULL,
    checked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (day, name)
);

CREATE TABLE drift (
    day         date NOT NULL,
    subject     text NOT NULL,        -- readers, articles, model
    name        text NOT NULL,        -- of the column or measure
    method      text NOT NULL,
    value       double precision,
    threshold   double precision,
    drifted     boolean NOT NULL,
    computed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (day, subject, name)
);
"""

# Both functions of 0001 know their tables by name.
_PARENTS = "'impressions', 'reads', 'dead_letters', 'event_inbox', 'deliveries'"
_FUNCTIONS = ("ensure_day_partition", "drop_day_partition")

GRANTS = """
GRANT SELECT ON variants, slate_outcomes, realised_quality, data_checks, drift TO newsrec_reader;
GRANT newsrec_reader TO newsrec_operations, newsrec_monitoring;
GRANT INSERT, UPDATE, DELETE ON variants TO newsrec_operations;
GRANT INSERT, UPDATE, DELETE ON slate_outcomes, realised_quality, data_checks, drift
    TO newsrec_monitoring;
GRANT EXECUTE ON FUNCTION ensure_day_partition(text, date) TO newsrec_monitoring;
"""

# Whoever keeps the history by policy drops old days of it, and of nothing else.
DROP_HISTORY = """
CREATE FUNCTION drop_outcomes_partition(day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS %I', 'slate_outcomes_' || to_char(day, 'YYYYMMDD'));
END $$;
REVOKE EXECUTE ON FUNCTION drop_outcomes_partition(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drop_outcomes_partition(date) TO newsrec_monitoring;
"""


def _replace_in_functions(old: str, new: str) -> None:
    for name in _FUNCTIONS:
        op.execute(
            "DO $do$ BEGIN EXECUTE replace(pg_get_functiondef("
            f"'public.{name}(text, date)'::regprocedure), $a${old}$a$, $b${new}$b$); END $do$"
        )


def upgrade() -> None:
    for role in ROLES:
        op.execute(
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        op.execute(f"GRANT {role} TO CURRENT_USER")
    op.execute(TABLES)
    _replace_in_functions(_PARENTS, f"{_PARENTS}, 'slate_outcomes'")
    op.execute(GRANTS)
    op.execute(DROP_HISTORY)


def downgrade() -> None:
    op.execute("DROP FUNCTION drop_outcomes_partition(date)")
    op.execute(
        "REVOKE EXECUTE ON FUNCTION ensure_day_partition(text, date) FROM newsrec_monitoring"
    )
    _replace_in_functions(f"{_PARENTS}, 'slate_outcomes'", _PARENTS)
    op.execute("DROP TABLE drift, data_checks, realised_quality, slate_outcomes, variants")
