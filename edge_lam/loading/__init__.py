"""From what a user says to a model that answers: its options, where its file is, whether the memory does for it.

Nothing is imported here: the command line needs the options alone, to show its help.
"""
