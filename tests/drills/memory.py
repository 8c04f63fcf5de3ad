"""What the processes of a service hold in memory."""

import psutil


def resident(service) -> int:
    """Bytes that all workers hold together."""
    return sum(psutil.Process(pid).memory_info().rss for pid in service.workers())


def slope(samples: list[tuple[float, float]]) -> tuple[float, float]:
    """The line through samples of (seconds, bytes): its rise a second, and the standard error of that."""
    number = len(samples)
    middle, level = (sum(column) / number for column in zip(*samples, strict=True))
    spread = sum((at - middle) ** 2 for at, _ in samples)
    rise = sum((at - middle) * (size - level) for at, size in samples) / spread
    rest = sum((size - level - rise * (at - middle)) ** 2 for at, size in samples)
    return rise, (rest / (number - 2) / spread) ** 0.5


def megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB"
