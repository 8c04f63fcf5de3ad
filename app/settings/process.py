"""Is this process a server, or does it run a command of ``flask``?"""

import os


def serving() -> bool:
    """False in a process that runs a command of ``flask`` other than ``flask run``.

    Commands share the server's settings but must not join its workers' metrics, nor log to stdout, which
    programs read.
    """
    if os.environ.get("FLASK_RUN_FROM_CLI") != "true":
        return True
    import click  # loaded already wherever the variable is set

    context = click.get_current_context(silent=True)
    return context is None or context.info_name == "run"
