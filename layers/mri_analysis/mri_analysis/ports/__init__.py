"""What the use cases need of the world outside; ``adapters`` fill it."""
