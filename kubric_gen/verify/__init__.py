"""Damage in scene directories and datasets: `python -m kubric_gen.verify PATH…`. The command is in `kubric_gen.cli.verify`."""
