"""What the commands of each page find, so that they can be run in the order of the page.

A session is a folder to work in and mostly an app, which answers ``curl`` and ``flask`` in this process;
whatever else a command is goes to the shell.
"""
