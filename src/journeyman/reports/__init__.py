"""Figures and reports, each folded from the journal."""
