"""``python -m stream_evo`` is the command ``stream-evo``."""

from stream_evo.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
