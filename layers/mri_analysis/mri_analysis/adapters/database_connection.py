"""How the functions sign in to the database: no password lies in a setting.

Three ways, by ``DATABASE_SIGN_IN``: ``url`` (the address says all: one machine), ``iam`` (a token
of the function's own role, for RDS and RDS Proxy), ``secret`` (user and password from Secrets
Manager).
"""

import json
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL

from mri_analysis.adapters.aws_errors import transient_as
from mri_analysis.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

Credentials = Callable[[URL], dict[str, str]]
"""Gives ``user`` and ``password`` for a connection that is about to be opened."""

_MYSQL_PORT = 3306


def connect(
    database_url: str,
    credentials: Credentials | None = None,
    ca_file: str = "",
    statement_timeout_s: int = 20,
) -> Engine:
    """An engine with one connection, which is what one Lambda environment can use at a time.

    ``pool_pre_ping`` finds connections that a failover or an idle proxy closed; ``hide_parameters``
    keeps the values of a failed statement out of its error message, which ends in logs.

    Parameters
    ----------
    database_url
        SQLAlchemy address.
    credentials
        Asked before each new connection, since a token is valid for minutes only. With credentials
        the connection is encrypted and the server's certificate is checked: RDS Proxy shows one of
        Amazon's public authority, which the system's store knows.
    ca_file
        PEM file of an authority that the system's store does not know, such as that of RDS itself.
    statement_timeout_s
        After that the connection is given up, while the server may go on with the statement.
    """
    if database_url.startswith("sqlite"):
        return _sqlite(database_url)
    arguments: dict[str, Any] = {
        "connect_timeout": 5,
        "read_timeout": statement_timeout_s,
        "write_timeout": statement_timeout_s,
    }
    if credentials is not None:
        trusted = ssl.create_default_context()
        if ca_file:
            trusted.load_verify_locations(ca_file)
        arguments["ssl"] = trusted
    engine = create_engine(
        database_url,
        pool_size=1,
        max_overflow=1,
        pool_pre_ping=True,
        pool_recycle=300,
        pool_timeout=10,
        hide_parameters=True,
        connect_args=arguments,
    )
    if credentials is not None:

        @event.listens_for(engine, "do_connect")
        def _sign_in(_dialect: Any, _record: Any, _arguments: Any, parameters: Any) -> None:
            parameters.update(credentials(engine.url))

    return engine


def iam_token(client: "RDSClient") -> Credentials:
    """A token signed with the role of this process; signing asks no service."""

    def sign(url: URL) -> dict[str, str]:
        if not url.host or not url.username:
            raise ValueError("IAM sign-in needs a host and a user in the database address.")
        token = client.generate_db_auth_token(
            DBHostname=url.host, Port=url.port or _MYSQL_PORT, DBUsername=url.username
        )
        return {"user": url.username, "password": token}

    return sign


def stored_secret(client: "SecretsManagerClient", secret_arn: str) -> Credentials:
    """User and password of a secret in the form RDS keeps them; read anew for each connection, so
    that a rotation needs no restart.
    """

    def read(_url: URL) -> dict[str, str]:
        with transient_as(DatabaseUnavailable, "The database's secret could not be read."):
            answer = client.get_secret_value(SecretId=secret_arn)
        secret = json.loads(answer["SecretString"])
        return {"user": secret["username"], "password": secret["password"]}

    return read


def _sqlite(database_url: str) -> Engine:
    engine = create_engine(database_url, connect_args={"timeout": 5}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        # Several processes write: a log beside the file lets readers go on meanwhile.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA foreign_keys=ON")

    return engine
