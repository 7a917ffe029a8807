"""Makes scenes in containers on the local engine, several at a time.

    python -m kubric_gen.docker --seed=0..99 --jobs=4 worlds/movi.py --quality=high

What comes after the script are its own flags. Needs the extra `docker`, and Docker, rootless Docker or podman.
"""
