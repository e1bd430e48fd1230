"""What makes a worker better: versions, exams, learning, unlearning."""
