"""Valid and invalid requests of all kinds, always the same ones."""

from random import Random

METHODS = [
    *(b"GET", b"HEAD", b"OPTIONS", b"DELETE", b"PUT", b"PATCH", b"TRACE", b"CONNECT", b"BREW", b"M-SEARCH"),
]
BAD_METHODS = [
    *(b"get", b"Post", b"GE", b"A" * 21, b"G#T", b"G\0T", b"", b"\tGET", b"GET\t", b"G(T", b"\xc9TAT"),
]
TARGETS = [
    *(b"/", b"//", b"/a/../b", b"/./a", b"/a?b=c", b"/a?b=c?d", b"/a#b", b"/a;b=c", b"/?", b"/?a=%20&b=+"),
    *(b"/%61", b"/a%2Fb", b"/%zz", b"/%", b"/%c3%a9", b"/%ff", b"/%00", b"/%0d%0aX:%20y", b"/a%20b", b"*"),
    *(b"a", b"example.com:80", b"http://example.com", b"http://example.com/a?b", b"https://x:1/a"),
    *(b"http://", b"http:///a", b"//example.com/a", b"://", b"http://[::1]/a", b"http://[::1/a", b"?a"),
    *(b"/\xc3\xa9", b"/\x7f", b"/\0", b"/\t", b"/a\rb", b"/a b", b'/"<>', b"/\\", b"/{}|^`"),
    *(b"/api/%6dodels/v1", b"/api/models/v1/x", b"/a" * 900, b"/" + b"a" * 2030, b"/" + b"a" * 2040),
    b"/" * 5000,
]
VERSIONS = [
    *(b"HTTP/1.0", b"HTTP/0.9", b"HTTP/1.2", b"HTTP/1.9", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/1", b"HTTP/11"),
    *(b"HTTP/1.1 ", b" HTTP/1.1", b"http/1.1", b"HTTP/1.1\0", b"HTTP/01.1", b"HTTP/1.10", b"HTTP/1,1"),
    *(b"HTTPS/1.1", b"", b"1.1", b"HTTP/1.1 x", b"HTTP/\xb9.1", b"HTTP/+1.1"),
]
LENGTHS = [
    *(b"4", b" 4", b"4 ", b"\t4\t", b"04", b"0000000000000000000000000004", b"+4", b"-4", b"-0", b"4.0"),
    *(b"4e0", b"0x4", b"4,4", b"4, 4", b"4;", b"4 4", b"", b" ", b"four", b"0", b"1", b"00", b"5", b"1000"),
    *(b"\xb2", b"\xb2\xb3", b"4\0", b"4\x0b", b"99999999999999999999", b"9" * 1000, b"9" * 5000, b"4_0"),
    b"131073",
]
CODINGS = [
    *(b"chunked", b"Chunked", b"CHUNKED", b" chunked ", b"\tchunked", b"\x0bchunked", b"chunked\x0b"),
    *(b"chunked,", b",chunked", b"chunked, chunked", b"chunked, identity", b"identity, chunked", b"identity"),
    *(b"", b"x", b"gzip", b"gzip, chunked", b"chunked, gzip", b"deflate,chunked", b"x, chunked"),
    *(b"chunked;q=1", b"xchunked", b'"chunked"', b"chunked\0", b"chunk", b"chunked x"),
]
CHUNKS = [
    *(b"4\r\ngood\r\n0\r\n\r\n", b"1\r\ng\r\n3\r\nood\r\n0\r\n\r\n", b"0\r\n\r\n"),
    *(b"00000004\r\ngood\r\n000\r\n\r\n", b"A\r\n0123456789\r\n0\r\n\r\n", b"a\r\n0123456789\r\n0\r\n\r\n"),
    *(b"4\r\ngood\r\n0\r\n", b"4\r\ngood\r\n", b"4\r\ngo", b"4", b"", b"4\ngood\n0\n\n"),
    *(b"4\r\ngood0\r\n\r\n", b"4\r\ngoo\r\n0\r\n\r\n", b"4\r\ngoodx\r\n0\r\n\r\n"),
    *(b"+4\r\ngood\r\n0\r\n\r\n", b"-4\r\ngood\r\n0\r\n\r\n", b"0x4\r\ngood\r\n0\r\n\r\n"),
    *(b" 4\r\ngood\r\n0\r\n\r\n", b"4 \r\ngood\r\n0\r\n\r\n", b"\r\n", b"x\r\ngood\r\n0\r\n\r\n"),
    *(b"4_\r\ngood\r\n0\r\n\r\n", b"f" * 5000, b"ffffffffffffffffffff\r\ngood"),
    *(b"4;a=b\r\ngood\r\n0;c\r\n\r\n", b'4;a="b;c"\r\ngood\r\n0\r\n\r\n', b"4 ; a = b\r\ngood\r\n0\r\n\r\n"),
    *(b"4;\r\ngood\r\n0\r\n\r\n", b"4;a\rb\r\ngood\r\n0\r\n\r\n", b"4;a=\0\r\ngood\r\n0\r\n\r\n"),
    *(b"4;" + b"a" * 5000 + b"\r\ngood\r\n0\r\n\r\n", b"0\r\nX: y\r\n\r\n"),
    *(b"4\r\ngood\r\n0\r\nX: y\r\nZ: w\r\n\r\n", b"0\r\nContent-Length: 4\r\n\r\n", b"0\r\nX y\r\n\r\n"),
    *(b"0\r\nX: y\n\r\n\r\n", b"0\r\nX: y\r\n z\r\n\r\n", b"0\r\n" + b"X: y\r\n" * 60 + b"\r\n", b"0\n\n"),
    *(b"0\r\nHost: y\r\n\r\n", b"0\r\n: y\r\n\r\n", b"4\r\ngood\r\n0\r\n\n", b"4\rgood\r0\r\r"),
]
LINES = [
    *(b"", b"X: y", b"X:y", b"X:", b"X:\t y \t", b"X : y", b"X\t: y", b" X: y", b"\tX: y", b"X", b":"),
    *(b": y", b"X: a\r\n b", b"X: a\r\n\tb", b"X: a\nY: b", b"X: a\rY: b", b"X: a\0b", b"X: a\x7fb"),
    *(b"X: a\x01b", b"X: \xe9", b"X: \xc3\xa9", b"\xe9: y", b"X_Y: z", b"X-Y: z\r\nX_Y: w", b"X(: y"),
    *(b'X": y', b"X/: y", b"X\0: y", b"\xdf: y", b"X: y\r\nX: z", b"Host: y", b"Host: x", b"Host:"),
    *(b"Content-Type: a\r\nContent-Type: a", b"Content-Type: text/plain", b"Cookie: a=b\r\nCookie: c=d"),
    *(b"X: y\r\n\nZ: w", b"X: y\n", b"\n", b"\r", b"Content-Length: 0\r\nContent-Length: 0"),
    *(b"Content-Length: 4\r\nContent-Length: 5", b"Content-Length : 4"),
    *(b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 4"),
    *(b"Transfer-Encoding : chunked", b"Transfer_Encoding: chunked", b"Transfer-Encoding: chunked\r\n , x"),
    *(b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked", b"Content_Length: 4", b"Content-Length\0: 4"),
    *(b"Connection: close", b"Connection: keep-alive", b"Connection: CLOSE", b"Connection: close, x"),
    *(b"Connection:", b"Connection: x, close", b"Connection: keep-alive\r\nConnection: close"),
    *(b"Connection: upgrade\r\nUpgrade: h2c", b"Connection: upgrade\r\nUpgrade: websocket", b"Upgrade: h2c"),
    b"HTTP2-Settings: AAMAAABk",
    *(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk", b"Keep-Alive: 1"),
    *(b"Expect: 100-continue", b"Expect: 100-Continue", b"Expect: 200-ok", b"Expect:"),
    *(b"Expect: 100-continue, x", b"X-Forwarded-Proto: https", b"X-Forwarded-Proto: http"),
    b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off",
    *(b"X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http", b"SCRIPT_NAME: /a", b"Script-Name: /a"),
    *(b"PATH_INFO: /a", b"X: " + b"y" * 4090, b"X: " + b"y" * 4100, b"X: " + b"y" * 20_000),
    b"y" * 4100 + b": x",
    *(b"\r\n".join(b"X%d: y" % number for number in range(count)) for count in (48, 49, 50, 51, 300)),
]
HOSTS = [
    *(b"", b"Host:\r\n", b"Host: \r\n", b"Host: example.com:80\r\n", b"Host: [::1]:80\r\n", b"Host: a b\r\n"),
    *(b"Host: a,b\r\n", b"Host: x\r\nHost: x\r\n", b"host: x\r\n", b"HOST:x\r\n", b"Host : x\r\n"),
    *(b"Host: \xe9\r\n", b"Host: a/b\r\n", b"Host: a@b\r\n", b"Host\r\n"),
]
BEGINNINGS = [
    *(b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" ", b"\0", b"\xef\xbb\xbf", b"\r\n\n", b"\r\r\n", b"x\r\n"),
    *(b"\n\n", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /\r\n"),
    b"GET / HTTP/1.1\n",
]
WHOLE = [
    *(b"GET / HTTP/1.1\nHost: x\n\n", b"GET / HTTP/1.1\r\nHost: x\n\n", b"GET / HTTP/1.1\r\n\r\n"),
    *(b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1", b"GET /", b"G"),
    *(b"\r\n", b"nonsense\r\n", b"GET  / HTTP/1.1\r\n\r\n", b"GET /  HTTP/1.1\r\n\r\n"),
    *(b"GET / HTTP/1.1\r\rHost: x\r\r", b"GET / HTTP/1.1\r", b"GET / HTTP/1.0\r\n\r\n"),
    *(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"GET /\n", b"\n", b"GET\n\n", b"x" * 2040),
    *(b"x" * 2049, b"x" * 2051, b"x" * 3000, b"x" * 20_000, b"GET /" + b"x" * 3000, b"/" * 20_000),
    *(b"\x16\x03\x01\x02\r\n", b"\x16\x03\x01\x02\r\n\r\n", b"\0\r\n", b"\x1fGET / HTTP/1.1\r\n"),
    *(b"\tGET / HTTP/1.1\r\nHost: x\r\n", b"\x01\n\x02\r\n"),
    *(b"GET / HTTP/1.1\r\nX: " + b"y" * 5000, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100),
    *(b"\r\n" + b"x" * 3000, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\ngo"),
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\ngood\r\n",
    b"POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\ngood",
    b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n",
    b"POST / HTTP/1.0\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\ngood",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"z" * 200_000,
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"z" * 100_000,
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"ffff\r\n%b\r\n" % (b"z" * 0xFFFF) * 3
    + b"0\r\n\r\n",
]
# Valid, and answered by gunicorn's own worker: `PromptWorker` waits for no longer head.
BEYOND_MAX_HEAD_BYTES = [
    b"GET / HTTP/1.1\r\nHost: x\r\n"
    + b"".join(b"X%d: %b\r\n" % (n, b"y" * 4000) for n in range(9))
    + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n"
    + b"".join(b"X%d: %b\r\n" % (n, b"y" * 900) for n in range(40))
    + b"\r\n",
]
# Paths of the application in test_differential.py, which answers and reads differently at each.
PATHS = [
    *(b"/refuse", b"/pieces", b"/none", b"/unchanged", b"/fail", b"/late", b"/longer", b"/shorter"),
    *(b"/lines", b"/two", b"/close", b"/nothing", b"/header"),
]
GOOD = b"POST /good HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\ngood"
WITH_CHUNKS = b"Host: x\r\nTransfer-Encoding: chunked\r\n"
INSERTED = [
    *(b"\r\n", b"\n", b"\r", b" ", b"\t", b"\0", b":", b",", b"0", b"\xff", b"HTTP/1.1", b"X: y\r\n", b"/"),
]


def post(lines=b"Host: x\r\nContent-Length: 4\r\n", body=b"good", line=b"POST / HTTP/1.1"):
    return line + b"\r\n" + lines + b"\r\n" + body


def written() -> list[bytes]:
    """One request for each entry of the lists above."""
    return [
        *(b"%b / HTTP/1.1\r\nHost: x\r\n\r\n" % method for method in METHODS + BAD_METHODS),
        *(post(line=b"%b / HTTP/1.1" % method) for method in METHODS),
        *(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target for target in TARGETS),
        *(b"%b HTTP/1.1\r\nHost: x\r\n\r\n" % line for line in (b"OPTIONS *", b"CONNECT x:80", b"CONNECT /")),
        *(b"GET / %b\r\nHost: x\r\n\r\n" % version for version in VERSIONS),
        *(post(b"Host: x\r\nContent-Length:%b\r\n" % length) for length in LENGTHS),
        *(post(b"Host: x\r\nTransfer-Encoding:%b\r\n" % coding, CHUNKS[0]) for coding in CODINGS),
        *(post(WITH_CHUNKS, chunks) for chunks in CHUNKS),
        *(post(b"Host: x\r\n%b\r\nContent-Length: 4\r\n" % line) for line in LINES),
        *(post(b"Host: x\r\n%b\r\n" % line, b"") for line in LINES if line),
        *(b"GET / HTTP/1.1\r\n%b\r\n" % host for host in HOSTS),
        *(beginning + GOOD for beginning in BEGINNINGS),
        *WHOLE,
        *(post(line=b"%b %b HTTP/1.1" % (method, path)) for path in PATHS for method in (b"POST", b"HEAD")),
        *(post(line=b"POST %b HTTP/1.0" % path) for path in PATHS),
        *(post(WITH_CHUNKS, CHUNKS[1], b"POST %b HTTP/1.1" % path) for path in PATHS),
    ]


def mutated(number: int, seed: int = 0) -> list[bytes]:
    """Valid requests with one to three places changed."""
    chance = Random(seed)
    good = [
        GOOD,
        post(WITH_CHUNKS, CHUNKS[1]),
        post(WITH_CHUNKS, CHUNKS[-5]),
        post(b"Host: x\r\nX: y\r\n", b""),
    ]
    return [_mutated(chance, chance.choice(good)) for _ in range(number)]


def _mutated(chance: Random, request: bytes) -> bytes:
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(request))
        end = start + chance.choice([0, 0, 1, 2, 8])
        new = chance.choice([b"", request[start:end] * 2, bytes([chance.randrange(256)]), *INSERTED])
        request = request[:start] + new + request[end:]
    return request


def cut(request: bytes, pieces: int, seed: int = 0) -> list[bytes]:
    """Cut a request into at most ``pieces`` pieces, none of them empty."""
    chance = Random(f"{seed}{request!r}")
    places = (
        sorted({chance.randrange(1, len(request)) for _ in range(pieces - 1)}) if len(request) > 1 else []
    )
    return [request[start:end] for start, end in zip([0, *places], [*places, len(request)], strict=True)]
