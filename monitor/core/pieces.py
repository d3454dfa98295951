"""Parts that are too large for one message come in pieces.

Rule: pieces of one part come in order from one sender at one offset; when anything else
comes between, the part is lost and the next one heals it.
"""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar


class Piece(Protocol):
    """What is needed of a piece."""

    @property
    def source(self) -> int:
        """The partition that it tells of."""

    @property
    def offset(self) -> int:
        """How far that had read its log."""

    @property
    def piece(self) -> int:
        """Which one it is, from 0."""

    @property
    def pieces(self) -> int:
        """How many there are."""


P = TypeVar("P", bound=Piece)


class Pieces(Generic[P]):
    """Pieces of parts that aren't whole yet, by source partition."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        """None yet."""
        self._begun: dict[int, list[P]] = {}

    def join(self, piece: P) -> Sequence[P]:
        """All pieces of the part whose last one this is; empty: some are missing."""
        if piece.pieces <= 1:
            return [piece]
        pieces = self._begun.setdefault(piece.source, [])
        if not piece.piece:
            pieces.clear()
        elif len(pieces) != piece.piece or pieces[0].offset != piece.offset:
            pieces.clear()  # one was lost, or another sender's came between
            return []
        pieces.append(piece)
        if len(pieces) < piece.pieces:
            return []
        return self._begun.pop(piece.source)
