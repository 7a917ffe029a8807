"""Scene directories as what other programs read: `python -m kubric_gen.export FORMAT SCENE… --output=DIR`.

The formats are sinks, in `kubric_gen.sinks`; the command is in `kubric_gen.cli.export`.
"""
