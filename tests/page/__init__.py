"""Checks of the web page without a server: its pure parts, its types, what it vendors."""
