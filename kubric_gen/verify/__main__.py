"""Damage found from the command line: `python -m kubric_gen.verify PATH…`."""

import importlib

if __name__ == "__main__":
  importlib.import_module("kubric_gen.cli.verify").main()  # by name: a program lies above the packages that it uses
