"""The tables, in types that both MySQL 8.4 and SQLite take.

No ``UUID`` type and no inline ``REFERENCES``: MariaDB takes both, MySQL 8 refuses the first and
ignores the second. Statuses are checked strings, so that a new status is no table rebuild. Times
are UTC.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.mysql import DATETIME, LONGTEXT

from mri_analysis.contracts.job import JobStatus, ReviewStatus

SCHEMA_REVISION = "0003"
"""The migration that makes these tables; a deployment is checked against it."""

metadata = MetaData(
    naming_convention={
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

_ID = String(36)
_ORGANIZATION = String(64)
_KEY = String(1024)
_LONG_TEXT = Text().with_variant(LONGTEXT(), "mysql", "mariadb")
_TIME = DateTime().with_variant(DATETIME(fsp=6), "mysql", "mariadb")
_MYSQL: Any = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}


def _one_of(column: str, values: type[StrEnum]) -> str:
    quoted = ", ".join(f"'{value.value}'" for value in values)
    return f"{column} IN ({quoted})"


analysis_jobs = Table(
    "analysis_jobs",
    metadata,
    Column("job_id", _ID, primary_key=True),
    Column("organization_id", _ORGANIZATION, nullable=False),
    Column("user_id", String(255)),
    Column("original_image_key", _KEY, nullable=False),
    Column("original_image_version", String(255)),
    Column("execution_name", String(80)),
    Column("subject_hash", String(64)),
    Column("status", String(20), nullable=False),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("error_next_step", Text),
    Column("created_at", _TIME, nullable=False),
    Column("updated_at", _TIME, nullable=False),
    CheckConstraint(_one_of("status", JobStatus), name="status"),
    Index(None, "organization_id", "created_at"),
    Index(None, "organization_id", "status"),
    Index(None, "organization_id", "subject_hash", "created_at"),
    **_MYSQL,
)

analysis_results = Table(
    "analysis_results",
    metadata,
    Column("result_id", _ID, primary_key=True),
    Column("job_id", _ID, nullable=False),
    Column("organization_id", _ORGANIZATION, nullable=False),
    Column("segmentation_result_key", _KEY, nullable=False),
    Column("measurements_key", _KEY, nullable=False),
    Column("montage_key", _KEY, nullable=False),
    Column("report_key", _KEY, nullable=False),
    Column("image_description", _LONG_TEXT, nullable=False),
    Column("enhanced_report", _LONG_TEXT, nullable=False),
    Column("review_status", String(20), nullable=False),
    Column("review_version", Integer, nullable=False, server_default="0"),
    Column("confidence_scores", JSON, nullable=False),
    Column("processing_metrics", JSON, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("updated_at", _TIME, nullable=False),
    UniqueConstraint("job_id"),
    ForeignKeyConstraint(["job_id"], ["analysis_jobs.job_id"]),
    CheckConstraint(_one_of("review_status", ReviewStatus), name="review_status"),
    Index(None, "organization_id", "review_status"),
    **_MYSQL,
)

report_reviews = Table(
    "report_reviews",
    metadata,
    Column("review_id", _ID, primary_key=True),
    Column("job_id", _ID, nullable=False),
    Column("organization_id", _ORGANIZATION, nullable=False),
    Column("reviewer_id", String(255), nullable=False),
    Column("reviewer_name", String(255)),
    Column("review_status", String(20), nullable=False),
    Column("comment", Text),
    Column("content_sha256", String(64), nullable=False),
    Column("created_at", _TIME, nullable=False),
    ForeignKeyConstraint(["job_id"], ["analysis_jobs.job_id"]),
    CheckConstraint(_one_of("review_status", ReviewStatus), name="review_status"),
    Index(None, "job_id"),
    **_MYSQL,
)

report_revisions = Table(
    "report_revisions",
    metadata,
    Column("revision_id", _ID, primary_key=True),
    Column("job_id", _ID, nullable=False),
    Column("organization_id", _ORGANIZATION, nullable=False),
    Column("number", Integer, nullable=False),
    Column("author_id", String(255), nullable=False),
    Column("author_name", String(255), nullable=False),
    Column("sections", JSON, nullable=False),
    Column("content_sha256", String(64), nullable=False),
    Column("created_at", _TIME, nullable=False),
    UniqueConstraint("job_id", "number"),
    ForeignKeyConstraint(["job_id"], ["analysis_jobs.job_id"]),
    **_MYSQL,
)
"""What readers made of a draft; a row is never changed."""

audit_events = Table(
    "audit_events",
    metadata,
    # SQLite counts up by itself only where the type is exactly INTEGER.
    Column(
        "event_id",
        BigInteger().with_variant(Integer(), "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("organization_id", _ORGANIZATION, nullable=False),
    Column("job_id", _ID, nullable=False),
    Column("actor", String(255), nullable=False),
    Column("action", String(64), nullable=False),
    Column("detail", JSON, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Index(None, "job_id", "event_id"),
    Index(None, "organization_id", "created_at"),
    Index(None, "organization_id", "event_id"),
    **_MYSQL,
)
"""Append-only: no code of ours updates or deletes a row."""
