"""The offline application: decodes videos, embeds sampled frames and writes the catalog."""
