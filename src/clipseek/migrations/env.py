"""What alembic runs: the migrations, inside the transaction that the caller has opened."""

from alembic import context

from clipseek.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
