"""Alembic's entry point: runs the migrations on the connection or address it is given."""

from alembic import context
from sqlalchemy import Connection, create_engine

from mri_analysis.adapters.sql_tables import metadata


def run(connection: Connection) -> None:
    """Run the wanted migrations on ``connection``."""
    # SQLite cannot alter a table in place: batch mode copies it.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    # `alembic upgrade head --sql`: the statements for a database nobody may touch directly.
    context.configure(
        dialect_name=context.get_x_argument(as_dictionary=True).get("dialect", "mysql"),
        target_metadata=metadata,
        literal_binds=True,
    )
    with context.begin_transaction():
        context.run_migrations()
elif (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    url = context.get_x_argument(as_dictionary=True)["url"]
    with create_engine(url).connect() as opened:
        run(opened)
        opened.commit()
