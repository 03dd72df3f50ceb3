"""First schema: jobs, results, reviews, audit events"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME, LONGTEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime().with_variant(DATETIME(fsp=6), "mysql", "mariadb")
LONG_TEXT = sa.Text().with_variant(LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "analysis_jobs",
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=True),
        sa.Column("original_image_key", sa.String(length=1024), nullable=False),
        sa.Column("original_image_version", sa.String(length=255), nullable=True),
        sa.Column("execution_name", sa.String(length=80), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_next_step", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint(
            "status IN ('awaiting_upload', 'uploaded', 'segmenting', 'converting', "
            "'enhancing', 'completed', 'failed')",
            name=op.f("ck_analysis_jobs_status"),
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_analysis_jobs")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        op.f("ix_analysis_jobs_organization_id_created_at"),
        "analysis_jobs",
        ["organization_id", "created_at"],
    )
    op.create_index(
        op.f("ix_analysis_jobs_organization_id_status"),
        "analysis_jobs",
        ["organization_id", "status"],
    )

    op.create_table(
        "audit_events",
        sa.Column(
            "event_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_audit_events")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_audit_events_job_id_event_id"), "audit_events", ["job_id", "event_id"])
    op.create_index(
        op.f("ix_audit_events_organization_id_created_at"),
        "audit_events",
        ["organization_id", "created_at"],
    )

    op.create_table(
        "analysis_results",
        sa.Column("result_id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("segmentation_result_key", sa.String(length=1024), nullable=False),
        sa.Column("measurements_key", sa.String(length=1024), nullable=False),
        sa.Column("montage_key", sa.String(length=1024), nullable=False),
        sa.Column("report_key", sa.String(length=1024), nullable=False),
        sa.Column("image_description", LONG_TEXT, nullable=False),
        sa.Column("enhanced_report", LONG_TEXT, nullable=False),
        sa.Column("review_status", sa.String(length=20), nullable=False),
        sa.Column("confidence_scores", sa.JSON(), nullable=False),
        sa.Column("processing_metrics", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint(
            "review_status IN ('draft', 'signed', 'amended', 'rejected')",
            name=op.f("ck_analysis_results_review_status"),
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["analysis_jobs.job_id"], name=op.f("fk_analysis_results_analysis_jobs")
        ),
        sa.PrimaryKeyConstraint("result_id", name=op.f("pk_analysis_results")),
        sa.UniqueConstraint("job_id", name=op.f("uq_analysis_results_job_id")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        op.f("ix_analysis_results_organization_id_review_status"),
        "analysis_results",
        ["organization_id", "review_status"],
    )

    op.create_table(
        "report_reviews",
        sa.Column("review_id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("organization_id", sa.String(length=64), nullable=False),
        sa.Column("reviewer_id", sa.String(length=255), nullable=False),
        sa.Column("review_status", sa.String(length=20), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "review_status IN ('draft', 'signed', 'amended', 'rejected')",
            name=op.f("ck_report_reviews_review_status"),
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["analysis_jobs.job_id"], name=op.f("fk_report_reviews_analysis_jobs")
        ),
        sa.PrimaryKeyConstraint("review_id", name=op.f("pk_report_reviews")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_report_reviews_job_id"), "report_reviews", ["job_id"])


def downgrade() -> None:
    for table in ("report_reviews", "analysis_results", "audit_events", "analysis_jobs"):
        op.drop_table(table)
