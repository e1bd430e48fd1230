"""One folder a bench, `python -m bench.NAME`; what several share is in `lib`, what they found in `results`."""
