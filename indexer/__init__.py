"""The offline application: decodes films, embeds sampled frames and writes the catalog."""
