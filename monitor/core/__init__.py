"""The pure ring: events in, state changed, numbers out.

Rule: no clock, no I/O, no logging, no asyncio, no third-party import. Time is an
argument; instants are integer milliseconds UTC, durations integer milliseconds.
"""
