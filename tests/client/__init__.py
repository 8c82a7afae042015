"""Tests of the Python client and of its MCP server, without a server."""
