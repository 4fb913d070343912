"""The load generator: a process of its own, which reads jobs from stdin and answers each by a line.

It knows as much of HTTP as the bench needs: one request in flight on each connection, kept alive,
requests that are ready before the clock runs, answers whose length is known. What it does not do
costs nothing, so that the server is the bottleneck; the bench shows whether it is.
"""

import asyncio
import json
import re
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
END_OF_HEAD = b"\r\n\r\n"
# Answers below which a rate means nothing.
ENOUGH = 30
# Seconds after which an answer that is still missing counts as an error.
PATIENCE = 3.0


@dataclass(frozen=True)
class Stream:
    """The same kind of request, over and over, on a number of connections."""

    method: str
    # `%d` is replaced by a number: from `first`, in turn, up to `count` of them, then again.
    path: str
    body: str = ""
    first: int = 1
    count: int = 1
    connections: int = 1
    # Seconds between two requests on a connection; 0: the next one as soon as one is answered.
    pace: float = 0.0

    def requests(self, host: str) -> list[bytes]:
        """Every request as the bytes to send."""
        return [
            self._request(number, host) for number in range(self.first, self.first + self.count)
        ]

    def _request(self, number: int, host: str) -> bytes:
        path = self.path.replace("%d", str(number))
        body = self.body.replace("%d", str(number)).encode()
        head = f"{self.method} {path} HTTP/1.1\r\nHost: {host}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body


@dataclass
class Tally:
    """What came of a stream: how long each answer took, and which answers were none."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list[float])
    errors: int = 0
    # How many requests were sent, the warm-up's too.
    sent: int = 0

    def percentile(self, share: float) -> float:
        """The latency below which this share of the answers came, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0

    def summary(self) -> dict[str, float]:
        """The line that the bench reads."""
        return {
            "per_second": len(self.latencies) / self.seconds if self.seconds else 0.0,
            "count": len(self.latencies),
            "errors": self.errors,
            "sent": self.sent,
            "p50": self.percentile(0.5),
            "p99": self.percentile(0.99),
        }


class Client(asyncio.Protocol):
    """One connection: sends a request, waits for its answer, sends the next."""

    def __init__(self, requests: list[bytes], pace: float, tally: Tally, begin: float) -> None:
        self._requests = requests
        self._pace = pace
        self._tally = tally
        self._begin = begin
        self._answer = b""
        self._needed = 0
        self._sent = 0.0
        self._due = 0.0
        self._running = True
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = transport
        self._due = time.perf_counter()
        self._send()

    def data_received(self, data: bytes) -> None:
        """Note the time when an answer is whole."""
        self._answer = self._answer + data if self._answer else data
        if not self._needed:
            end = self._answer.find(END_OF_HEAD)
            if end < 0:
                return
            length = CONTENT_LENGTH.search(self._answer, 0, end)
            self._needed = end + len(END_OF_HEAD) + (int(length[1]) if length else 0)
        if len(self._answer) >= self._needed:
            self._note()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a connection that the server has closed."""
        if self._running:
            self._tally.errors += 1

    def stop(self) -> None:
        """Send nothing more, and wait for nothing more."""
        now = time.perf_counter()
        if self._sent and now - self._sent > PATIENCE:
            self._tally.errors += 1
        self._running = False
        self._transport.close()

    def _send(self) -> None:
        if self._running:
            self._sent = time.perf_counter()
            self._tally.sent += 1
            self._transport.write(self._requests[self._tally.sent % len(self._requests)])

    def _note(self) -> None:
        now = time.perf_counter()
        if self._sent >= self._begin and self._running:
            if self._answer[9:10] == b"2":
                # A request that had to wait for the answer before it is late from when it was due:
                # otherwise one long silence would count as one slow answer.
                due = min(self._due, self._sent) if self._pace else self._sent
                self._tally.latencies.append(now - due)
            else:
                self._tally.errors += 1
        self._answer, self._needed = b"", 0
        if not self._pace:
            self._send()
            return
        self._due += self._pace
        wait = self._due - now
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._send_when_due)
        else:
            self._send()

    def _send_when_due(self) -> None:
        # A timer that rings late is the generator's own delay, not the server's.
        self._due = time.perf_counter()
        self._send()


async def run(job: dict[str, Any]) -> list[Tally]:
    """Put all streams of a job on a server at once, and measure after a warm-up."""
    loop = asyncio.get_running_loop()
    begin = time.perf_counter() + job["warm_up"]
    tallies: list[Tally] = []
    clients: list[Client] = []
    for stream in (Stream(**stream) for stream in job["streams"]):
        tally = Tally()
        tallies.append(tally)
        requests = stream.requests(f"127.0.0.1:{job['port']}")
        for _ in range(stream.connections):
            _, client = await loop.create_connection(
                lambda requests=requests, pace=stream.pace, tally=tally: Client(
                    requests, pace, tally, begin
                ),
                "127.0.0.1",
                job["port"],
            )
            clients.append(client)
    end = begin + job["seconds"]
    await asyncio.sleep(end - time.perf_counter())
    # Little is heard of a server on a computer that is busy with other things: listen longer.
    end += PATIENCE
    while len(tallies[0].latencies) < ENOUGH and time.perf_counter() < end:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    elapsed = time.perf_counter() - begin
    for client in clients:
        client.stop()
    for tally in tallies:
        tally.seconds = elapsed
    return tallies


def as_job(port: int, seconds: float, warm_up: float, *streams: Stream) -> dict[str, Any]:
    """What `run` is given, as it goes over the pipe."""
    described = [asdict(stream) for stream in streams]
    return {"port": port, "seconds": seconds, "warm_up": warm_up, "streams": described}


def main() -> None:
    """Run every job that comes, until there are no more to come."""
    for line in sys.stdin:
        tallies = asyncio.run(run(json.loads(line)))
        print(json.dumps([tally.summary() for tally in tallies]), flush=True)


if __name__ == "__main__":
    main()
