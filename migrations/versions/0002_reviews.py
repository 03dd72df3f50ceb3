"""Reviews: revisions of a report, a version that locks it, names; pages of the audit trail"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime().with_variant(DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    # Defaults, because the release before this one goes on inserting rows without these columns.
    op.add_column(
        "analysis_results",
        sa.Column("review_version", sa.Integer(), nullable=False, server_default="0"),
    )
    op.add_column("report_reviews", sa.Column("reviewer_name", sa.String(length=255)))
    op.create_table(
        "report_revisions",
        sa.Column("revision_id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.String(length=255), nullable=False),
        sa.Column("author_name", sa.String(length=255), nullable=False),
        sa.Column("sections", sa.JSON(), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["analysis_jobs.job_id"], name=op.f("fk_report_revisions_analysis_jobs")
        ),
        sa.PrimaryKeyConstraint("revision_id", name=op.f("pk_report_revisions")),
        sa.UniqueConstraint("job_id", "number", name=op.f("uq_report_revisions_job_id_number")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        op.f("ix_audit_events_organization_id_event_id"),
        "audit_events",
        ["organization_id", "event_id"],
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_audit_events_organization_id_event_id"), "audit_events")
    op.drop_table("report_revisions")
    op.drop_column("report_reviews", "reviewer_name")
    op.drop_column("analysis_results", "review_version")
