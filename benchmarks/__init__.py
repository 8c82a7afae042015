"""Each figure of the README is one command here."""
