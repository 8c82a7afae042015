"""Collections ready to be searched: their views, kept current, and their models."""
