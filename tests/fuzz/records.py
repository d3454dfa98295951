"""Records that no producer should send, made from valid ones: seeded, so repeatable.

Rule: one mutation has one name, and the names are counted, so that a run can say that
each of them was tried. Some mutations leave an event valid; that is part of it.
"""

import gzip
import json
from collections.abc import Callable
from random import Random

from monitor.wire.fields import Fields
from tests.fuzz.valid import OTHER_KINDS, valid_fields

Bytes = bytes | None
Mutation = Callable[[Random, Fields], Bytes]

ODD_VALUES: tuple[object, ...] = (
    None,
    True,
    False,
    0,
    -1,
    -(2**53),
    2**53,
    2**63 - 1,
    2**64 - 1,
    1.5,
    -0.0,
    1e308,
    5e-324,
    "",
    " ",
    "0",
    "null",
    "NaN",
    "Infinity",
    "1795165200000",
    "2026-11-20",
    "2026-11-20T09:00:00",
    "2026-02-30T09:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "0001-01-01T00:00:00+14:00",
    [],
    [1],
    [[]],
    {},
    {"at": 1},
)
ODD_NUMBERS = ("1e400", "-1e400", "9" * 400, "-" + "9" * 30, "00", "0x10", "1_000")
ODD_NAMES = (
    "\x00",
    "a\x00b",
    "\x1b[2J\x1b[31m",
    "line\nend\r\n",
    "\u202egnp.exe",
    "\u2028",
    "\ufeff",
    "\x7f\x9b",
    "'; DROP TABLE visits; --",
    '"}',
    "{{7*7}}",
    "../../etc/passwd",
    "__other__",
    "\U0010ffff" * 100,
    "x" * 512,
    "x" * 513,
    "q" * 5_000,
)
OTHER_FORMATS = (
    b"\x00\x00\x00\x00\x01\x02avro",
    b"\x0a\x05hello\x10\x96\x01",
    gzip.compress(b'{"type": "contact.queued"}', mtime=0),
    b"<event><type>contact.queued</type></event>",
    b"type=contact.queued&at=1",
    b"1795165200|c|support|NONE|ENTERQUEUE|",
    b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    '{"type": "contact.queued"}'.encode("utf-16"),
    b'\xef\xbb\xbf{"type": "contact.queued"}',
    b"---\ntype: contact.queued\n",
    b"\x82\xa4type\xaecontact.queued",
)
JSON_THINGS = (b"[]", b"[1, 2]", b"0", b"-1", b"1.5", b'"text"', b"null", b"true")
NOTHING = (b"", b" ", b"\n", b"\x00", b"{", b"}", b"{}", b'{"', b"nul", b"NaN")
MEGABYTE = 1_000_000


def _dumps(fields: Fields) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()


def _field(chance: Random, fields: Fields) -> str:
    return chance.choice(list(fields))


def _odd_value(chance: Random, fields: Fields) -> Bytes:
    fields[_field(chance, fields)] = chance.choice(ODD_VALUES)
    return _dumps(fields)


def _missing(chance: Random, fields: Fields) -> Bytes:
    for _ in range(chance.randrange(1, 4)):
        fields.pop(_field(chance, fields), None)
        if not fields:
            break
    return _dumps(fields)


def _odd_number(chance: Random, fields: Fields) -> Bytes:
    name = chance.choice(("at", "wait_ms", "talk_ms", "visit", "v", "score"))
    fields[name] = "NUMBER"
    return _dumps(fields).replace(b'"NUMBER"', chance.choice(ODD_NUMBERS).encode())


def _not_a_number(chance: Random, fields: Fields) -> Bytes:
    value = chance.choice((float("nan"), float("inf"), float("-inf")))
    fields[chance.choice(("at", "wait_ms", "hold_ms", "visit"))] = value
    return json.dumps(fields).encode()


def _far_instant(chance: Random, fields: Fields) -> Bytes:
    fields["at"] = chance.choice(
        (0, 1, 253_402_300_799_999, 221_845_391_999_999, "8999-12-31T23:59:59Z")
    )
    return _dumps(fields)


def _long_duration(chance: Random, fields: Fields) -> Bytes:
    name = chance.choice(("wait_ms", "talk_ms", "hold_ms", "acw_ms"))
    fields[name] = chance.choice((10 * 365 * 86_400_000, 10**15, -5, 2**63 - 1))
    return _dumps(fields)


def _nested(chance: Random, fields: Fields) -> Bytes:
    depth = chance.choice((10, 100, 1_000, 1_025, 20_000))
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    deep = opening * depth + b"1" + closing * depth
    fields[chance.choice(("contact", "extra"))] = "DEEP"
    return _dumps(fields).replace(b'"DEEP"', deep)


def _megabyte(chance: Random, fields: Fields) -> Bytes:
    name = chance.choice(("contact", "queue", "agent", "id", "text"))
    fields[name] = chance.choice(("x", "\x00", "ä")) * (MEGABYTE // 3)
    return _dumps(fields)


def _invalid_utf8(chance: Random, fields: Fields) -> Bytes:
    value = bytearray(_dumps(fields))
    for _ in range(chance.randrange(1, 4)):
        odd = chance.choice((b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80"))
        place = chance.randrange(len(value))
        value[place:place] = odd
    return bytes(value)


def _surrogate(chance: Random, fields: Fields) -> Bytes:
    fields[chance.choice(("contact", "queue", "id", "source"))] = "LONE"
    escape = chance.choice((rb"\ud800", rb"\udc00x", rb"a\udfff\ud800", rb"\ud83d"))
    return _dumps(fields).replace(b"LONE", escape)


def _truncated(chance: Random, fields: Fields) -> Bytes:
    value = _dumps(fields)
    return value[: chance.randrange(len(value))]


def _doubled(chance: Random, fields: Fields) -> Bytes:
    value = _dumps(fields)
    name = _field(chance, fields)
    again = json.dumps({name: chance.choice(ODD_VALUES)}).encode()
    return value[:-1] + b", " + again[1:]


def _odd_name(chance: Random, fields: Fields) -> Bytes:
    name = chance.choice(("contact", "queue", "agent", "id", "source", "customer"))
    fields[name] = chance.choice(ODD_NAMES)
    return json.dumps(fields, ensure_ascii=chance.random() < 0.5).encode()


def _odd_field_name(chance: Random, fields: Fields) -> Bytes:
    fields[chance.choice((*ODD_NAMES, "f" * 100_000))] = 1
    return _dumps(fields)


def _flipped(chance: Random, fields: Fields) -> Bytes:
    value = bytearray(_dumps(fields))
    for _ in range(chance.randrange(1, 6)):
        value[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
    return bytes(value)


def _other_type(chance: Random, fields: Fields) -> Bytes:
    fields["type"] = chance.choice((*OTHER_KINDS, "", 5, ["contact.queued"], None))
    return _dumps(fields)


def _other_version(chance: Random, fields: Fields) -> Bytes:
    fields["v"] = chance.choice((0, 2, -1, 10**18, "1", 1.0, True))
    return _dumps(fields)


def _joined(chance: Random, fields: Fields) -> Bytes:
    value = _dumps(fields)
    return value + chance.choice((value, b"\n" + value, b",", b"\x00", b" garbage"))


MUTATIONS: dict[str, Mutation] = {
    "odd_value": _odd_value,
    "missing": _missing,
    "odd_number": _odd_number,
    "not_a_number": _not_a_number,
    "far_instant": _far_instant,
    "long_duration": _long_duration,
    "invalid_utf8": _invalid_utf8,
    "surrogate": _surrogate,
    "truncated": _truncated,
    "doubled": _doubled,
    "odd_name": _odd_name,
    "flipped": _flipped,
    "other_type": _other_type,
    "other_version": _other_version,
    "joined": _joined,
    "other_format": lambda chance, _: chance.choice(OTHER_FORMATS),
    "not_an_object": lambda chance, _: chance.choice(JSON_THINGS),
    "nothing": lambda chance, _: chance.choice(NOTHING),
    "null_value": lambda *_: None,
    "noise": lambda chance, _: chance.randbytes(chance.randrange(200)),
}
RARE: dict[str, Mutation] = {
    "nested": _nested,
    "odd_field_name": _odd_field_name,
    "megabyte": _megabyte,
}
"""Large ones: one record in `RARITY`, so that a million of records fit into a test."""
RARITY = 1_000
_NAMES = list(MUTATIONS)
_RARE_NAMES = list(RARE)


def mutated(chance: Random, at: int) -> tuple[str, Bytes]:
    """The name of a mutation and a record that it made."""
    fields = valid_fields(chance, at)
    if chance.randrange(RARITY) == 0:
        name = chance.choice(_RARE_NAMES)
        return name, RARE[name](chance, fields)
    name = chance.choice(_NAMES)
    return name, MUTATIONS[name](chance, fields)
