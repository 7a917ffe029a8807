"""How much may be asked for, each limit with its reason.

These keep a slip of the hand from an endless run or a full disk. What a file format can hold stands with its codec, and whether
this machine has the room for a scene is asked by `kubric_gen.example.room`.
"""

MAX_SIDE = 1 << 14
"""Pixels along a side of an image: graphics cards and image readers take no more."""
MIN_RENDERED_SIDE = 4
"""Pixels along a side of an image that is rendered: Blender silently enlarges smaller ones."""
MAX_FRAMES = 100_000
"""Frames of a clip, and views of a scene: names of their files count them with five digits."""
MAX_FRAME_RATE = 32_767
"""Frames per second: Blender counts them with 16 bits."""
MAX_STEPS = 10_000_000
"""Physics steps of a scene: about an hour even where little happens."""
MAX_STEP_RATE = 1_000_000
"""Physics steps per second: what moves in a shorter time is lost in the rounding of positions."""

MAX_SEED = 1 << 62
"""A seed: signed numbers of 64 bits hold it, in files of records too, and a number of scenes more."""
MAX_SEEDS = 10_000_000
"""Scenes of a run, over all its ranges of seeds: each has a key, a place in the store and a line in the summary."""
MAX_SEARCHED = 100_000
"""Seeds among which one is looked for that belongs to a split, to name it in an error: done within a second."""

MAX_DRAWS = 100_000
"""Draws of what has to fulfil a condition, after which it counts as one that cannot be fulfilled: about a second."""
MAX_PLACES = 10_000_000
"""Places that are tried for objects which move from view to view, over all views: some minutes."""

MAX_METRES = 1e5
"""Lengths and places: beyond, single precision, in which pictures are made, knows no centimetres."""
RUNAWAY = 1e6
"""Metres from the origin beyond which what is simulated has gone wrong: ten times as far as anything may start."""
MIN_METRES = 1e-3
"""Lengths of what is there at all: physics rounds edges by as much."""
MAX_MILLIMETRES = 1e5
"""Of lenses and sensors: the longest telescopes."""
MIN_MILLIMETRES = 1.0
"""Of lenses and sensors: Blender's cameras take no less."""
MAX_SPEED = 1e4
"""m/s: faster than that, things pass through one another between two steps."""
MAX_ACCELERATION = 1e4
"""m/s²: a thousand times what is felt on the ground."""
MAX_SECONDS = 2_000_000
"""Of anything: about 23 days; systems that wait count milliseconds with 31 bits."""
MAX_RADIANS = 100.0
"""Angles: sixteen turns; who needs more can leave out whole ones."""
MAX_NUMBER = 1e9
"""Any other number: its third power still has a place among those of single precision."""
MIN_NUMBER = 1e-9
"""Any other number that has to be greater than zero: as `MAX_NUMBER`."""

MAX_DIGITS = 1000
"""Of a whole number that is read: Python refuses more than 4300, as reading them takes long."""
MAX_THREADS = 1024
"""Threads, processes or containers at a time: more than machines have processors for."""
MAX_SAMPLES = 1 << 24
"""Samples of a pixel: Cycles takes no more."""
MAX_ATTEMPTS = 1000
"""How often a scene is tried: what fails more often fails for ever."""
MAX_MEGABYTES = 1e9
"""Memory of a process: a petabyte."""
MAX_BYTES = 1 << 60
"""Memory of a container: engines count it with 63 bits."""

MAX_SHOWN = 80
"""Characters of a value that an error quotes: enough to recognise it."""
MAX_REASON = 200
"""Characters of what another library says that an error quotes: its first sentence or two."""
MAX_CAUSE = 400
"""Characters of why a pipeline failed, or of a list to choose from: with the paths or names that it is about."""
MAX_MESSAGE = 1000
"""Characters of an error on the console: what is longer scrolls the beginning out of sight."""
MAX_TAIL = 4000
"""Bytes of an engine's or a process's own words that are kept for an error: about a screen."""
MAX_LISTED = 1000
"""Runs of seeds that are listed for people."""
