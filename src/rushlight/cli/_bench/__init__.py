"""Workers of `rushlight bench`: scripts that read settings as JSON and print what they measured.

They are run by path, so that a process which measures another framework does not load this one.
"""
