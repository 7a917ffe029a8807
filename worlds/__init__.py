"""Datasets: one module for each world. Run one as a script, e.g. `python worlds/movi.py --seed=3`."""
