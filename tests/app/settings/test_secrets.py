"""Which secrets pass: random ones always, however short; words and sequences never, however long."""

import random
import string

import pytest
from environs import ValidationError

from app.settings.secrets import LONGEST_KEY, unguessable
from config import ConfigError, load_config

ALPHABETS = {"hexadecimal": "0123456789abcdef", "letters and digits": string.ascii_letters + string.digits}


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS)
@pytest.mark.parametrize("length", [16, 32, 64])
def test_random_secrets_pass(alphabet, length):
    chosen = random.Random(length)
    for _ in range(300):
        unguessable("".join(chosen.choices(alphabet, k=length)))


@pytest.mark.parametrize(
    "value",
    [
        *(
            "0102030405060708",
            "001002003004005006",
            "1a2b3c4d5e6f7g8h",
            "aAbBcCdDeEfFgGhH",
            "1122334455667788",
        ),
        *(
            "dummy-key-dummy-",
            "your-key-goes-here",
            "placeholder-key1",
            "test-key-1234567",
            "TEST-KEY-1234567",
        ),
        *(
            "example-key-0001",
            "my-secret-key-123",
            "hello-world-hello",
            "some-random-string",
            "fake-token-2024",
        ),
        *("1qaz2wsx3edc4rfv", "deadbeefcafebabe"),
    ],
)
def test_words_of_examples_and_sequences_are_refused(value):
    with pytest.raises(ValidationError):
        unguessable(value)


def test_key_that_no_request_could_use_stops_the_start(monkeypatch):
    key = "".join(random.Random(1).choices(string.ascii_letters, k=LONGEST_KEY + 1))
    monkeypatch.setenv("API_KEY_1", key)
    with pytest.raises(ConfigError, match=r"API_KEY_1=\*\*\*: Longer than maximum length 512"):
        load_config()
    monkeypatch.setenv("API_KEY_1", key[1:])
    assert {"API_KEY_1": key[1:]} == load_config().API_KEYS
