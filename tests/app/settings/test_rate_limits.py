import pytest

from app.settings.rate_limits import is_limit, parse_limit


def test_a_limit_is_read_as_windows():
    assert parse_limit("10/second;101 per hour").windows == ((10, 1), (101, 3600))


def test_a_share_of_a_limit_is_rounded_down():
    assert parse_limit("10/second;101/hour").share(4).windows == ((2, 1), (25, 3600))


@pytest.mark.parametrize("notation", ["", "often", "5/fortnight", "0/minute", "5/minute;0/hour"])
def test_what_is_no_limit_is_rejected(notation):
    assert not is_limit(notation)
    with pytest.raises(ValueError, match=r"limit|granularity"):
        parse_limit(notation)
