"""Improves a worker: versions, exams, learning, unlearning."""
