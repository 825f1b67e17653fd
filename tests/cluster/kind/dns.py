"""The cluster's DNS: a server that knows one name, that of the API server, and denies all others at once.

Clients in Pods ask for kubernetes.default.svc. No other Service is reachable here, so no other name has to be known.
Called as `dns.py ADDRESS ANSWER`; the format is that of RFC 1035, section 4.
"""

import socket
import struct
import sys

NAME = "kubernetes.default.svc.cluster.local"
_A, _IN = 1, 1
_RESPONSE, _AUTHORITATIVE, _NO_SUCH_NAME = 0x8000, 0x0400, 3
_TTL_SECONDS = 30
_HEADER = struct.Struct(">6H")
_POINTER_TO_QUESTION = 0xC000 | _HEADER.size


def respond(query: bytes, address: str) -> bytes:
    """The response to a query with one question."""
    number, flags, *_ = _HEADER.unpack_from(query)
    name, end = _name(query)
    question = query[_HEADER.size : end + 4]
    asked = struct.unpack_from(">2H", query, end)
    known = name == NAME
    answers = [_answer(address)] if known and asked == (_A, _IN) else []
    flags = _RESPONSE | _AUTHORITATIVE | (flags & 0x0100) | (0 if known else _NO_SUCH_NAME)
    return _HEADER.pack(number, flags, 1, len(answers), 0, 0) + question + b"".join(answers)


def serve(address: str, answer: str) -> None:
    """Answer for ever."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 53))
        while True:
            query, client = server.recvfrom(4096)
            try:
                server.sendto(respond(query, answer), client)
            except (struct.error, IndexError, UnicodeDecodeError) as error:
                print(f"ignored a query from {client}: {error!r}", flush=True)


def _name(query: bytes) -> tuple[str, int]:
    """The name of the first question, and where it ends."""
    labels, at = [], _HEADER.size
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    return ".".join(labels), at + 1


def _answer(address: str) -> bytes:
    return struct.pack(">3HIH", _POINTER_TO_QUESTION, _A, _IN, _TTL_SECONDS, 4) + socket.inet_aton(address)


if __name__ == "__main__":
    serve(*sys.argv[1:])
