"""What tests need around the product: a real Kafka, topics, waiting for a condition."""
