"""A job: its record, its folder and its proof."""
