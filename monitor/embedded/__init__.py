"""What the demo brings along so that it needs nothing but Python: a broker, a day.

Rule: nothing in here is part of a production worker, and only this ring imports
`confluent_kafka` (extra `demo`).
"""
