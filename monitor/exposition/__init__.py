"""Prometheus: the board as metrics, read at the moment of the scrape."""
