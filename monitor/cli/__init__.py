"""The command line `ccmon`: one file per command.

Rule: commands wire the parts together and talk to people; what is computed or decided
belongs to the parts.
"""
