"""The thin whole: tables of every writer, partitions on demand, one role per writer.

Revision ID: 0001
Revises:
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Roles belong to the server, not to one database: they are made once and stay on downgrade.
ROLES = (
    "newsrec_etl",
    "newsrec_scoring",
    "newsrec_api",
    "newsrec_mailer",
    "newsrec_features",
    "newsrec_reader",
)

TABLES = """
-- Writer: etl -----------------------------------------------------------------------------------
CREATE TABLE etl_runs (
    batch_id     text PRIMARY KEY,
    arrival_date date NOT NULL,
    status       text NOT NULL CHECK (status IN ('running', 'committed', 'finished', 'failed')),
    counts       jsonb NOT NULL DEFAULT '{}',
    started_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz
);
CREATE INDEX etl_runs_arrival_date ON etl_runs (arrival_date);

CREATE TABLE articles (
    article_id   text PRIMARY KEY,
    publisher    text NOT NULL,
    title        text NOT NULL,
    abstract     text,
    body         text,
    category     text NOT NULL,
    subcategory  text,
    language     text NOT NULL,
    url          text NOT NULL,
    published_at timestamptz NOT NULL,
    image_url    text,
    tags         text[],
    extra        jsonb,
    available_at timestamptz NOT NULL,
    batch_id     text NOT NULL
);
CREATE INDEX articles_newest ON articles (category, published_at DESC);

CREATE TABLE users (
    user_id              text PRIMARY KEY,
    region               text NOT NULL,
    language             text NOT NULL,
    email                text,
    timezone             text NOT NULL,
    preferred_categories text[] NOT NULL,
    joined_at            timestamptz NOT NULL,
    consents             jsonb NOT NULL,
    extra                jsonb,
    available_at         timestamptz NOT NULL,
    batch_id             text NOT NULL
);

CREATE TABLE impressions (
    impression_id text NOT NULL,
    user_id       text NOT NULL,
    shown_at      timestamptz NOT NULL,
    surface       text NOT NULL,
    article_ids   text[] NOT NULL,
    order_known   boolean NOT NULL,
    slate_id      text,
    propensities  real[],
    extra         jsonb,
    available_at  timestamptz NOT NULL,
    batch_id      text NOT NULL,
    day           date NOT NULL,
    PRIMARY KEY (impression_id, day)
) PARTITION BY RANGE (day);

CREATE TABLE reads (
    event_id      text NOT NULL,
    user_id       text NOT NULL,
    article_id    text NOT NULL,
    read_at       timestamptz NOT NULL,
    kind          text NOT NULL,
    dwell_seconds real,
    scroll        real,
    view_id       text,
    impression_id text,
    extra         jsonb,
    available_at  timestamptz NOT NULL,
    batch_id      text NOT NULL,
    day           date NOT NULL,
    PRIMARY KEY (event_id, day)
) PARTITION BY RANGE (day);

-- A partitioned table can only keep ids unique within a day; this keeps them unique over all days.
CREATE TABLE event_days (
    entity   text NOT NULL,
    event_id text NOT NULL,
    day      date NOT NULL,
    PRIMARY KEY (entity, event_id)
) PARTITION BY LIST (entity);
CREATE TABLE event_days_impressions PARTITION OF event_days FOR VALUES IN ('impressions');
CREATE TABLE event_days_reads PARTITION OF event_days FOR VALUES IN ('reads');

CREATE TABLE dead_letters (
    arrival_date date NOT NULL,
    entity       text NOT NULL,
    file         text NOT NULL,
    line         bigint NOT NULL,
    reason       text NOT NULL,
    record       text NOT NULL,
    batch_id     text NOT NULL,
    PRIMARY KEY (arrival_date, entity, file, line)
) PARTITION BY RANGE (arrival_date);

-- Writer: scoring -------------------------------------------------------------------------------
CREATE TABLE recommendation_runs (
    run_id        text PRIMARY KEY,
    date          date NOT NULL,
    as_of         timestamptz NOT NULL,
    model_version text NOT NULL,
    status        text NOT NULL CHECK (status IN ('running', 'published', 'failed')),
    readers       integer NOT NULL DEFAULT 0,
    started_at    timestamptz NOT NULL DEFAULT now(),
    published_at  timestamptz
);

-- reasons: one object per article, {"code": ..., "text": ...}, in the order of article_ids; json,
-- not jsonb, because it is written once and served as it is.
CREATE TABLE recommendations (
    run_id        text NOT NULL,
    user_id       text NOT NULL,
    variant       text NOT NULL,
    article_ids   text[] NOT NULL,
    scores        real[] NOT NULL,
    propensities  real[] NOT NULL,
    reasons       json NOT NULL,
    model_version text NOT NULL,
    PRIMARY KEY (run_id, user_id, variant)
) PARTITION BY LIST (run_id);

-- For readers without a slate, and for "trending": region and language '' mean any.
CREATE TABLE popular_slates (
    run_id      text NOT NULL REFERENCES recommendation_runs ON DELETE CASCADE,
    region      text NOT NULL,
    language    text NOT NULL,
    article_ids text[] NOT NULL,
    scores      real[] NOT NULL,
    PRIMARY KEY (run_id, region, language)
);

CREATE TABLE similar_articles (
    run_id      text NOT NULL,
    article_id  text NOT NULL,
    article_ids text[] NOT NULL,
    scores      real[] NOT NULL,
    PRIMARY KEY (run_id, article_id)
) PARTITION BY LIST (run_id);

-- Writer: api -----------------------------------------------------------------------------------
CREATE TABLE event_inbox (
    entity      text NOT NULL CHECK (entity IN ('impressions', 'reads')),
    event_id    text NOT NULL,
    received_on date NOT NULL,
    received_at timestamptz NOT NULL,
    source      text NOT NULL CHECK (source IN ('api', 'email')),
    payload     jsonb NOT NULL,
    PRIMARY KEY (entity, event_id, received_on)
) PARTITION BY RANGE (received_on);

-- What a reader chose herself; a value that is not null overrides `users`.
CREATE TABLE reader_settings (
    user_id              text PRIMARY KEY,
    region               text,
    language             text,
    email                text,
    timezone             text,
    preferred_categories text[],
    email_digest         boolean,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL
);

CREATE TABLE article_blocks (
    article_id text NOT NULL,
    blocked_at timestamptz NOT NULL,
    blocked_by text NOT NULL,
    reason     text NOT NULL,
    lifted_at  timestamptz,
    lifted_by  text,
    PRIMARY KEY (article_id, blocked_at)
);
CREATE UNIQUE INDEX article_blocks_active ON article_blocks (article_id) WHERE lifted_at IS NULL;

-- Writer: mailer --------------------------------------------------------------------------------
CREATE TABLE deliveries (
    user_id     text NOT NULL,
    digest_date date NOT NULL,
    state       text NOT NULL CHECK (state IN ('claimed', 'sent', 'uncertain', 'refused')),
    message_id  text NOT NULL,
    run_id      text,
    article_ids text[] NOT NULL,
    claimed_at  timestamptz NOT NULL,
    finished_at timestamptz,
    detail      text,
    PRIMARY KEY (digest_date, user_id)
) PARTITION BY RANGE (digest_date);
"""

# Writers may not run DDL. They ask these functions, which run with the owner's rights.
FUNCTIONS = """
CREATE FUNCTION ensure_day_partition(parent text, day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    child text := parent || '_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF parent NOT IN ('impressions', 'reads', 'dead_letters', 'event_inbox', 'deliveries') THEN
        RAISE EXCEPTION 'no table % is partitioned by day', parent;
    END IF;
    IF to_regclass(child) IS NOT NULL THEN
        RETURN;
    END IF;
    -- Two writers may want the same partition at the same moment. The second one may not ask
    -- to_regclass again: it still remembers that there was none.
    PERFORM pg_advisory_xact_lock(hashtext(child));
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                   child, parent, day, day + 1);
END $$;

CREATE FUNCTION drop_day_partition(parent text, day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF parent NOT IN ('impressions', 'reads', 'dead_letters', 'event_inbox', 'deliveries') THEN
        RAISE EXCEPTION 'no table % is partitioned by day', parent;
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS %I', parent || '_' || to_char(day, 'YYYYMMDD'));
END $$;

-- Partitions of a run are named by a hash, since run ids are opaque text.
CREATE FUNCTION create_run_partitions(run text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF recommendations FOR VALUES IN (%L)',
                   'recommendations_' || md5(run), run);
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF similar_articles FOR VALUES IN (%L)',
                   'similar_articles_' || md5(run), run);
END $$;

CREATE FUNCTION drop_run_partitions(run text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS %I', 'recommendations_' || md5(run));
    EXECUTE format('DROP TABLE IF EXISTS %I', 'similar_articles_' || md5(run));
END $$;
REVOKE EXECUTE ON FUNCTION ensure_day_partition(text, date), drop_day_partition(text, date),
    create_run_partitions(text), drop_run_partitions(text) FROM PUBLIC;
"""

GRANTS = """
GRANT SELECT ON ALL TABLES IN SCHEMA public TO newsrec_reader;
GRANT newsrec_reader TO newsrec_etl, newsrec_scoring, newsrec_api, newsrec_mailer;

GRANT INSERT, UPDATE, DELETE ON etl_runs, articles, users, impressions, reads, event_days,
    dead_letters TO newsrec_etl;
-- Dropping old days is for the owner: a writer could drop those of another.
GRANT EXECUTE ON FUNCTION ensure_day_partition(text, date)
    TO newsrec_etl, newsrec_api, newsrec_mailer;
GRANT INSERT, UPDATE, DELETE ON recommendation_runs, recommendations, popular_slates,
    similar_articles TO newsrec_scoring;
GRANT EXECUTE ON FUNCTION create_run_partitions(text), drop_run_partitions(text)
    TO newsrec_scoring;
GRANT INSERT, UPDATE, DELETE ON event_inbox, reader_settings, article_blocks TO newsrec_api;
GRANT INSERT, UPDATE, DELETE ON deliveries TO newsrec_mailer;

-- Feast makes its online tables itself, in a schema of its own (docs/adr).
CREATE SCHEMA feast AUTHORIZATION newsrec_features;
GRANT USAGE ON SCHEMA feast TO newsrec_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE newsrec_features IN SCHEMA feast
    GRANT SELECT ON TABLES TO newsrec_reader;
"""


def upgrade() -> None:
    for role in ROLES:
        # CREATE ROLE knows no IF NOT EXISTS, and another database may be migrated meanwhile.
        op.execute(
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        op.execute(f"GRANT {role} TO CURRENT_USER")
    op.execute(TABLES)
    op.execute(FUNCTIONS)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute("DROP SCHEMA feast CASCADE")
    op.execute(
        "DROP FUNCTION ensure_day_partition(text, date), drop_day_partition(text, date), "
        "create_run_partitions(text), drop_run_partitions(text)"
    )
    op.execute(
        "DROP TABLE deliveries, article_blocks, reader_settings, event_inbox, similar_articles, "
        "popular_slates, recommendations, recommendation_runs, dead_letters, event_days, reads, "
        "impressions, users, articles, etl_runs"
    )
