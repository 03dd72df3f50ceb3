"""The database user of the functions, and what it may do.

The audit trail is append-only by right, not by habit: the user can neither change nor delete a row
of it. No table can be altered or dropped with these rights.
"""

import re

from sqlalchemy import Connection, text

IAM_SIGN_IN = "IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'"
"""RDS' plugin: the password is a token signed with an IAM role (RDS user guide)."""

RIGHTS = {
    "analysis_jobs": "SELECT, INSERT, UPDATE, DELETE",
    "analysis_results": "SELECT, INSERT, UPDATE, DELETE",
    "report_reviews": "SELECT, INSERT, DELETE",
    "report_revisions": "SELECT, INSERT, DELETE",
    "audit_events": "SELECT, INSERT",
    "alembic_version": "SELECT",
}

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,31}")


def grant_to_application(connection: Connection, user: str, sign_in: str) -> None:
    """Create ``user`` where it is missing and set its rights on every table; repeatable.

    Raises
    ------
    ValueError
        ``user`` is not a plain name. It cannot be a bound parameter, so nothing else is let in.
    """
    if not _NAME.fullmatch(user):
        raise ValueError(f"{user!r} is no name for a database user.")
    connection.execute(text(f"CREATE USER IF NOT EXISTS '{user}'@'%' {sign_in}"))
    for table, rights in RIGHTS.items():
        connection.execute(text(f"GRANT {rights} ON {table} TO '{user}'@'%'"))
