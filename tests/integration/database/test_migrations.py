"""The migrations make the tables the code expects, in SQL that MySQL 8.4 takes."""

import io
import re
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine
from sqlalchemy.dialects.mysql import dialect as mysql_dialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import CreateIndex, CreateTable

from migrations.migrate import alembic_config, migrate, wait_until_it_answers
from mri_analysis.adapters.sql_tables import metadata
from tests.support.mariadb import MariaDb


@pytest.fixture(params=["sqlite", "mariadb"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    if request.param == "sqlite":
        return create_engine(f"sqlite:///{tmp_path / 'mri.db'}")
    return create_engine(request.getfixturevalue("mariadb").create("migrations"))


def test_migrations_make_exactly_the_tables_of_the_code(empty: Engine) -> None:
    migrate(empty)

    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []


def test_migrating_twice_changes_nothing(empty: Engine) -> None:
    migrate(empty)
    migrate(empty)


def test_downgrade_leaves_nothing(empty: Engine) -> None:
    migrate(empty)
    config = alembic_config()
    with empty.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    migrate(empty)


def _mysql_statements() -> str:
    out = io.StringIO()
    config = alembic_config()
    config.output_buffer = out
    config.cmd_opts = None
    command.upgrade(config, "head", sql=True)
    return out.getvalue()


def _tables() -> str:
    dialect = mysql_dialect()
    parts = [str(CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables]
    parts += [
        str(CreateIndex(index).compile(dialect=dialect))
        for table in metadata.sorted_tables
        for index in table.indexes
    ]
    return ";\n".join(parts)


@pytest.mark.parametrize("sql", [_tables(), _mysql_statements()], ids=["tables", "migrations"])
def test_sql_for_mysql_has_nothing_only_mariadb_takes(sql: str) -> None:
    assert "CREATE TABLE analysis_jobs" in sql
    assert not re.search(r"\bUUID\b", sql)
    # MySQL before 9.0 parses a REFERENCES behind a column and ignores it.
    for line in sql.splitlines():
        if "REFERENCES" in line:
            assert "FOREIGN KEY" in line
    assert "DATETIME(6)" in sql
    assert "LONGTEXT" in sql
    assert not re.search(r"\bRETURNING\b|\bINET6\b|\bENUM\b", sql)


def test_a_database_that_comes_later_is_waited_for(mariadb: MariaDb) -> None:
    url = mariadb.create("late")
    came_back = threading.Event()

    with mariadb.gone():
        waiting = threading.Thread(
            target=lambda: (wait_until_it_answers(create_engine(url), 60), came_back.set())
        )
        waiting.start()
        assert not came_back.wait(0.5)
    waiting.join()

    assert came_back.is_set()


def test_a_database_that_never_comes_is_told() -> None:
    with pytest.raises(OperationalError):
        wait_until_it_answers(create_engine("mysql+pymysql://root@127.0.0.1:1/mri"), 0)
