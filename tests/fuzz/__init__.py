"""Bad records by the million: `python -m tests.fuzz --records 1000000 --seed 1`."""
