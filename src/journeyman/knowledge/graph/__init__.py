"""What passages mention, and what that connects."""
