"""The web edge: a page, an API, health and metrics over HTTP."""
