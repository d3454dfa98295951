"""Bytes to core values and back.

Rule: the only ring that knows how anything is written down, and the only one that
imports orjson. Whatever can't be understood is a `BadRecord` that names the field.
"""
