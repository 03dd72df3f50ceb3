"""Signing in without a password in a setting, and what the functions' user may do."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError, ProgrammingError

from migrations.application_user import RIGHTS, grant_to_application
from migrations.migrate import migrate, prepare_database
from mri_analysis.adapters.database_connection import connect, iam_token, stored_secret
from mri_analysis.adapters.sql_job_repository import SqlJobRepository
from mri_analysis.adapters.sql_tables import SCHEMA_REVISION, metadata
from mri_analysis.errors import DatabaseUnavailable
from tests.support.mariadb import MariaDb

PASSWORD = "IDENTIFIED BY 'a token'"
"""MariaDB has no plugin of RDS; a password takes the token's place."""


@pytest.fixture
def owner(mariadb: MariaDb) -> Engine:
    return create_engine(mariadb.create("sign_in"))


@pytest.fixture
def application(owner: Engine) -> Engine:
    """The database, as the functions see it."""
    prepare_database(owner, "mri_app", PASSWORD)
    # Without TLS, which this server does not have: `connect` is told to the driver alone.
    url = make_url(owner.url).set(username="mri_app", password="a token")
    return create_engine(url)


def test_functions_can_do_their_work(application: Engine) -> None:
    assert SqlJobRepository(application).recent("demo", 10) == []
    with application.connect() as connection:
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    assert revision == SCHEMA_REVISION


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET actor = 'nobody'",
        "DELETE FROM audit_events",
        "UPDATE report_revisions SET author_id = ''",
        "UPDATE report_reviews SET comment = ''",
        "DROP TABLE analysis_jobs",
        "ALTER TABLE analysis_jobs ADD COLUMN spare INT",
        "CREATE TABLE other (id INT)",
        "UPDATE alembic_version SET version_num = '0'",
    ],
)
def test_functions_can_neither_rewrite_history_nor_change_the_schema(
    application: Engine, statement: str
) -> None:
    with (
        application.begin() as connection,
        pytest.raises((OperationalError, ProgrammingError)) as e,
    ):
        connection.execute(text(statement))
    assert "denied" in str(e.value)


def test_every_table_has_its_rights_written_down() -> None:
    assert set(RIGHTS) == {*metadata.tables, "alembic_version"}


def test_granting_twice_changes_nothing(owner: Engine) -> None:
    assert prepare_database(owner, "mri_app", PASSWORD) == {"before": None, "after": "0003"}
    assert prepare_database(owner, "mri_app", PASSWORD) == {"before": "0003", "after": "0003"}


def test_newer_schema_is_left_as_it_is(owner: Engine) -> None:
    """What the functions of the release before meet when a release is rolled back."""
    migrate(owner)
    with owner.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    assert prepare_database(owner, None) == {"before": "9999", "after": "9999"}


def test_a_name_that_is_no_name_reaches_no_statement(owner: Engine) -> None:
    with owner.begin() as connection, pytest.raises(ValueError, match="no name"):
        grant_to_application(connection, "x'@'%'; DROP DATABASE mri; --", PASSWORD)


def test_revision_of_the_code_is_the_newest_migration(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'mri.db'}")

    assert prepare_database(engine, None)["after"] == SCHEMA_REVISION


def test_iam_token_is_signed_for_host_port_and_user() -> None:
    client = boto3.client(
        "rds", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )

    given = iam_token(client)(make_url("mysql+pymysql://mri_app@proxy.example/mri"))

    assert given["user"] == "mri_app"
    assert given["password"].startswith("proxy.example:3306/?Action=connect&DBUser=mri_app")
    assert "X-Amz-Signature" in given["password"]


def test_secret_is_read_anew_for_each_connection() -> None:
    client: Any = boto3.client(
        "secretsmanager", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stub:
        for password in ("before", "after"):
            secret = json.dumps({"username": "mri", "password": password})
            stub.add_response("get_secret_value", {"SecretString": secret}, {"SecretId": "arn"})
        read = stored_secret(client, "arn")
        url = make_url("mysql+pymysql://db/mri")
        assert [read(url)["password"] for _ in range(2)] == ["before", "after"]


def test_unreadable_secret_is_an_unavailable_database() -> None:
    client: Any = boto3.client(
        "secretsmanager", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stub:
        stub.add_client_error("get_secret_value", "InternalServiceError", http_status_code=500)
        with pytest.raises(DatabaseUnavailable):
            stored_secret(client, "arn")(make_url("mysql+pymysql://db/mri"))


def test_a_server_without_encryption_gets_no_credentials(mariadb: MariaDb) -> None:
    """A token sent in clear text would be a password for whoever listens."""
    url = make_url(mariadb.create("clear_text")).set(username="mri_app")
    engine = connect(
        url.render_as_string(hide_password=False),
        lambda _: {"user": "mri_app", "password": "a token"},
    )

    with pytest.raises(OperationalError, match="SSL"):
        engine.connect()
