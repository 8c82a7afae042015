"""Fields made of text: what reads them, and how they are searched."""
