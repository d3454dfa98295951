"""A streaming real-time call-center monitor: events in, right live numbers out."""

__version__ = "0.1.0"
