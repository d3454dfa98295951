"""Kafka and Faust: the way of an event from the log to the board, and nobody else's.

Rule: only this ring imports `faust`, `mode` and `aiokafka`, and nothing is created at
import. Faust calls its stream processors agents; here an agent is a person, and the
processors are called by what they process: `contacts`, `queues`.
"""
