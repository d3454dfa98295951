"""Faults against a real Kafka and real workers, and a judge who recounts the log."""
