"""Judges gunicorn's options at the start, before gunicorn uses one, and names the one that is wrong.

gunicorn itself stops with a traceback, or with a reason and without a name; its hooks come after the options
have taken effect: the log is open by then, and the worker's class loaded.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from gunicorn.config import Config
from gunicorn.errors import ConfigError

from gunicorn_worker.options.values import written

_judge: Callable[[Any], str | None] | None = None
_validate = Config.validate


def judge_options(judge: Callable[[Any], str | None]) -> None:
    """Let ``judge`` name what is wrong with all options, once; the process then ends with a line.

    To be called by gunicorn's configuration file. When gunicorn reads that file again, for a reload, the
    options are the same, and a server that serves goes on whatever has become of the files that they name.
    """
    global _judge
    if _judge is None:
        _judge = judge
        Config.set, Config.validate = _set, _validate_all


def _set(cfg: Any, name: str, value: Any) -> None:
    """Like `Config.set`, which does not say whose value is wrong."""
    setting = cfg.settings[name]
    try:
        setting.set(value)
        if name == "chdir":  # gunicorn goes there at once
            os.stat(os.path.join(setting.get(), ""))
    except (ConfigError, ValueError, TypeError, OSError) as error:
        sys.exit(f"Wrong configuration: {written(setting, value)}: {error}")


def _validate_all(cfg: Any) -> None:
    Config.validate = _validate
    if _judge is not None and (fault := _judge(cfg)):
        sys.exit(f"Wrong configuration: {fault}")
    _validate(cfg)
