"""What a curl command of the documentation sends."""

from typing import NamedTuple

ADDRESS = "http://127.0.0.1:5000"


class CurlRequest(NamedTuple):
    """A request: ``body`` as it is written, ``@`` and a name for that of a file."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None


def curl_request(words: list[str]) -> CurlRequest:
    """The request of a command in words."""
    method, url, headers, body = None, "", {}, None
    rest = iter(words[1:])
    for word in rest:
        match word:
            case "-X" | "--request":
                method = next(rest)
            case "-H" | "--header":
                name, _, value = next(rest).partition(":")
                headers[name.strip()] = value.strip()
            case "-d" | "--data" | "--data-binary":
                body = next(rest)
            case "--json":
                body, headers["Content-Type"] = next(rest), "application/json"
            case "-s" | "-i" | "-sS":
                pass
            case _:
                assert word.startswith(ADDRESS), f"unknown word {word!r} of a curl command"
                url = word.removeprefix(ADDRESS)
    default = "GET" if body is None else "POST"
    return CurlRequest(method or default, url, headers, body)
