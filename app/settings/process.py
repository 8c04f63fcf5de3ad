"""Is this process a server, or does it run a command of ``flask``?"""

import os


def from_command_line() -> bool:
    """Whether ``flask`` started the process.

    Such a process shares the server's settings but must not join its workers' metrics, nor log to stdout,
    which programs read.
    """
    return os.environ.get("FLASK_RUN_FROM_CLI") == "true"


def serving() -> bool:
    """Whether the process loads and serves models: of those that ``flask`` starts only ``flask run``."""
    if not from_command_line():
        return True
    import click  # loaded already wherever the variable is set

    context = click.get_current_context(silent=True)
    return context is None or context.info_name == "run"
