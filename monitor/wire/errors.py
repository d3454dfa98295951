"""What can be wrong with bytes.

ValueError
└── WireError
    ├── BadRecord            one record: it goes to the dead letters
    └── UnknownStateVersion  durable state of another release: the worker stops
"""


class WireError(ValueError):
    """Bytes that can't be understood."""


class BadRecord(WireError):
    """A record that is wrong; `reason` is a short label, the text names the field."""

    def __init__(self, reason: str, detail: str) -> None:
        """Say why in one word (a metric's label) and in a sentence."""
        super().__init__(detail)
        self.reason = reason


class UnknownStateVersion(WireError):
    """Durable state that this release can't read."""

    def __init__(self, found: object, known: int) -> None:
        """Name the version that was found and the one that is known."""
        super().__init__(
            f"the durable state has version {found!r}, this release reads version "
            f"{known}: run the release that wrote it, or a newer one"
        )
