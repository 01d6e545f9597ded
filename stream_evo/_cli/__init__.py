"""The commands of the command line, one file each; `stream_evo.cli` joins them.

Nothing slow is imported at the top of these files: ``stream-evo --help`` must answer at once.
"""
