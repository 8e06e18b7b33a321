"""What Alembic runs: the migrations of one domain, on the connection that it was handed."""

from alembic import context

from bookstore.migrations.compatibility import ensure_version_table, record

connection = context.config.attributes["connection"]
version_table = context.config.attributes["version_table"]
ensure_version_table(connection, version_table)
context.configure(
    connection=connection,
    version_table=version_table,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=True,
    on_version_apply=record,
)
with context.begin_transaction():
    context.run_migrations()
