"""Each figure of docs/figures.md is one command here."""
