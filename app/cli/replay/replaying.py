"""Replaying: each request of a log is sent, and the answer compared."""

from app.cli.replay.answers import rows_of
from app.cli.replay.outcome import Outcome
from app.cli.replay.reading.exchange import Exchange, NotReplayable
from app.cli.replay.reading.log_forms import LogReader
from app.cli.replay.reading.log_source import LogSource
from app.cli.replay.request_paths import path_for
from app.cli.replay.targets import Target
from app.cli.steps import Step

EVERY = 16  # lines between two looks at the bar, each of which costs as much as a request in process


class Replay:
    """One replay.

    :param model: name of the model here.
    :param renamed: the log may name it otherwise.
    """

    def __init__(self, target: Target, outcome: Outcome, *, model: str, renamed: bool) -> None:
        self._target = target
        self._outcome = outcome
        self._model = model
        self._renamed = renamed

    def run(self, log: LogSource, step: Step) -> int:
        """Replay all lines, and return how many there are; those that cannot be sent are counted."""
        reader, lines = LogReader(), 0
        for lines, (number, text) in enumerate(log.lines(), 1):
            if lines % EVERY == 1:
                step("Replaying", log.share)
            try:
                for exchange in reader.read(number, text):
                    self._send(exchange)
            except NotReplayable as error:
                self._outcome.leave_out(number, str(error))
        for number, reason in reader.unpaired():
            self._outcome.leave_out(number, reason)
        return lines

    def _send(self, exchange: Exchange) -> None:
        if exchange.answered and not rows_of(exchange.response):
            raise NotReplayable("the answer holds no rows in a known form")
        path = path_for(exchange, model=self._model, renamed=self._renamed)
        self._outcome.add(exchange, self._target.send(path, exchange.request))
