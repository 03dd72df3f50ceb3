"""Subjects: which studies are of one, by a keyed hash"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Null where nobody named a subject, as in every row of the release before this one.
    op.add_column("analysis_jobs", sa.Column("subject_hash", sa.String(length=64)))
    op.create_index(
        op.f("ix_analysis_jobs_organization_id_subject_hash_created_at"),
        "analysis_jobs",
        ["organization_id", "subject_hash", "created_at"],
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_analysis_jobs_organization_id_subject_hash_created_at"), "analysis_jobs")
    op.drop_column("analysis_jobs", "subject_hash")
