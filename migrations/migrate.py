"""Bring a database to the newest schema.

usage: python -m migrations.migrate DATABASE_URL
"""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine


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


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    migrate(create_engine(sys.argv[1]))
