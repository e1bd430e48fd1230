"""The entities that passages mention, and the links between passages that follow from them."""
