"""One file per schema, numbered; each is frozen once released and names no table of today's."""
