"""Fields made of text under test."""
