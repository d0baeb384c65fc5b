"""Runs ``aws`` lines in warm workers: the user's own CLI, without its half second of starting.

A worker is a process of the interpreter that the ``aws`` script names. It keeps the CLI imported,
its command tree built and its clients connected, and runs that script for one command line after
another (``worker.py``). Which commands that is the same for, as for a process of their own, the
CLI's own command tree says; all others are refused with ``NotWarm`` before anything is sent.
"""
