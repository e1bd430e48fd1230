"""A job: its record, its folder, its proof."""
