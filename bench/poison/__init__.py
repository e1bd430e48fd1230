"""What poisoned contributions cost classifiers: how hard the poison of `bench.commons` is."""

MEASURES = ("bench.lib.poisoned",)
