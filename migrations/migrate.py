"""Bring a database to the newest schema.

usage: python -m migrations.migrate DATABASE_URL
"""

import sys
import time
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import OperationalError

from migrations.application_user import IAM_SIGN_IN, grant_to_application

_PAUSE_S = 2.0
_WAITING_HELPS_NOTHING = {1044, 1049}
"""No right to the database, no such database. 1045 (refused) a new proxy says too."""


def alembic_config() -> Config:
    """Alembic's configuration without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def migrate(engine: Engine, revision: str = "head") -> None:
    """Upgrade to ``revision``, in one transaction where the database can do that."""
    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def wait_until_it_answers(engine: Engine, limit_s: float) -> None:
    """Return when the database takes a connection.

    A proxy that was made a minute ago refuses connections until it knows its target, and a paused
    or failing-over database needs a while.

    Raises
    ------
    OperationalError
        What the last attempt met, after ``limit_s`` seconds.
    """
    deadline = time.monotonic() + limit_s
    while True:
        try:
            with engine.connect():
                return
        except OperationalError as error:
            reason = error.orig.args[0] if error.orig and error.orig.args else None
            if reason in _WAITING_HELPS_NOTHING or time.monotonic() + _PAUSE_S > deadline:
                raise
            time.sleep(_PAUSE_S)


def prepare_database(
    engine: Engine, application_user: str | None, sign_in: str = IAM_SIGN_IN
) -> dict[str, Any]:
    """Migrate, and give the functions' user the rights it needs and no more.

    A schema that is newer than this code stays as it is: that is what a rollback meets, and every
    migration leaves the release before it working.

    Parameters
    ----------
    engine
        Signed in as the owner of the database.
    application_user
        Who the functions sign in as; None where they use the owner's address.
    sign_in
        How the user proves itself, as SQL after ``CREATE USER ...``.

    Returns
    -------
    dict
        Revision ``before`` and ``after``, None for an empty database.
    """
    before = _revision(engine)
    known = {
        script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()
    }
    if before is None or before in known:
        migrate(engine)
        if application_user:
            with engine.begin() as connection:
                grant_to_application(connection, application_user, sign_in)
    return {"before": before, "after": _revision(engine)}


def _revision(engine: Engine) -> str | None:
    def read(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    with engine.connect() as connection:
        return read(connection)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    migrate(create_engine(sys.argv[1]))
