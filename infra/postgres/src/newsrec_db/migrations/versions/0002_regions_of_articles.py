"""Articles may say for which regions they are meant; null or empty is everywhere.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE articles ADD COLUMN regions text[]")


def downgrade() -> None:
    op.execute("ALTER TABLE articles DROP COLUMN regions")
