"""What a figure is worth: shares with intervals, and the confidence of an answer."""
