"""Seed knowledge base: notes, follow-up rules, reference figures, and the script that builds it."""
