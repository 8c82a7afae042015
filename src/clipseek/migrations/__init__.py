"""The migrations of the catalog's schema, run by `clipseek.catalog.schema` and never by hand."""

# The revision that this release reads and writes: the newest file in `versions`.
REVISION = "0001"
# Named after the product, so that a database shared with another alembic user stays apart.
VERSION_TABLE = "clipseek_schema"
