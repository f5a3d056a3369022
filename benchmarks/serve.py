"""Many sample streams at once: are there errors, are the shares fair, does memory stay flat?

    python benchmarks/serve.py                     64 streams for a minute
    python benchmarks/serve.py --streams 8 --seconds 10 --json

Starts `elman serve` on a model that it makes (GRU of 512 units; how fast one writes does not
depend on what it has learned) and keeps that many streams open: one that has written its
20,000 characters is asked for anew. At the end all clients vanish in the middle of a stream,
and it looks at whether anything goes on for them.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import elman

MARK = b"event: symbol"


class Client:
    """One that always has a stream open."""

    def __init__(self, url: str, token: str, seed: int):
        self.place, self.token, self.seed = urlsplit(url), token, seed
        self.written = self.streams = 0
        self.waited: list[float] = []  # seconds to the first symbol
        self.errors: list[str] = []

    async def run(self, until: float) -> None:
        while time.monotonic() < until:
            try:
                await self._stream(until)
            except OSError as error:
                self.errors.append(str(error))
                await asyncio.sleep(0.1)

    async def _stream(self, until: float) -> None:
        """Read one stream to its end, or until the time is over."""
        reader, writer = await asyncio.open_connection(self.place.hostname, self.place.port)
        body = json.dumps({"prime": "the ", "length": 20_000, "seed": self.seed + self.streams})
        writer.write(
            f"POST /api/sample HTTP/1.1\r\nHost: {self.place.netloc}\r\n"
            f"X-Elman-Token: {self.token}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        begun, rest, first = time.monotonic(), b"", True
        self.streams += 1
        try:
            while time.monotonic() < until:
                async with asyncio.timeout(10):
                    piece = await reader.read(1 << 16)
                if not piece or b"event: done" in piece:
                    return
                if not piece.startswith(b"HTTP/1.1 200") and first and not rest:
                    self.errors.append(piece[:200].decode("utf-8", "replace"))
                    return
                whole = rest + piece
                found = whole.count(MARK)
                rest = whole[-len(MARK) + 1 :]  # too short to hold a whole one
                if found and first:
                    self.waited.append(time.monotonic() - begun)
                    first = False
                self.written += found
        except TimeoutError:
            self.errors.append("nothing for 10 seconds")
        finally:
            writer.close()


def memory(pid: int) -> float:
    """Resident MB of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("no VmRSS")


def processor(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def measure(url: str, token: str, pid: int, streams: int, seconds: float) -> dict:
    warm = Client(url, token, 0)
    await warm.run(time.monotonic() + 1)
    before, used, begun = memory(pid), processor(pid), time.monotonic()
    clients = [Client(url, token, 1000 * n) for n in range(streams)]
    tasks = [asyncio.create_task(client.run(begun + seconds)) for client in clients]
    samples = []
    while time.monotonic() < begun + seconds:
        await asyncio.sleep(min(1.0, seconds / 10))
        samples.append(memory(pid))
    await asyncio.gather(*tasks)
    used, passed = processor(pid) - used, time.monotonic() - begun
    await asyncio.sleep(1)
    quiet = processor(pid)  # every stream has been left in the middle: nothing may go on
    await asyncio.sleep(1)
    written = [client.written for client in clients]
    waited = [wait for client in clients for wait in client.waited]
    return {
        "streams": streams,
        "seconds": round(passed, 1),
        "errors": [error for client in clients for error in client.errors],
        "characters": sum(written),
        "characters_per_second": round(sum(written) / passed),
        "least": min(written),
        "median": statistics.median(written),
        "most": max(written),
        "first_symbol_seconds": {"median": statistics.median(waited), "worst": max(waited)},
        "rss_mb": {"before": before, "after a tenth": samples[len(samples) // 10],
                   "end": samples[-1], "most": max(samples), "after": memory(pid)},
        "cores_used": round(used / passed, 2),
        "processor_seconds_per_second_after": round(processor(pid) - quiet, 2),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--hidden-size", type=int, default=512)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text.txt")
        text.write_text("".join(chr(32 + n % 95) for n in range(20_000)) + "\n")
        model = Path(folder, "model.safetensors")
        elman.train(text, output=model, steps=0, hidden_size=options.hidden_size, progress=False)
        process = subprocess.Popen(
            [sys.executable, "-m", "elman", "serve", model, "--port", "0", "--no-browser",
             "--json"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            where = json.loads(process.stdout.readline())
            found = asyncio.run(measure(where["url"], where["token"], process.pid,
                                        options.streams, options.seconds))  # fmt: skip
        finally:
            process.terminate()
            process.wait()
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {number:.3g}" for key, number in value.items())
        print(f"{name.replace('_', ' '):<36}{value}")


if __name__ == "__main__":
    main()
