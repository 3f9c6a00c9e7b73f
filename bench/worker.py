"""One worker of several over one store: `python -m bench.worker CONFIG`. Says `ready`, waits for a line, works until its input ends.

It is the pipeline of the daemon and nothing else, started on a word, so that how long a process takes to start is not measured.
"""

import asyncio
import gc
import sys
from pathlib import Path

from ingest import log as logs
from ingest.assembly import assemble
from ingest.daemon import loaded
from ingest.supervise import Supervisor
from kernel.clock import Clock
from storage.store import Store


async def work(path: Path) -> None:
    """Drain the journal until told to end."""
    config = loaded(path)
    if config is None:
        sys.exit("bench.worker: the configuration has faults")
    logs.configure(())
    store = Store(config.storage.url.get_secret_value())
    try:
        parts = await assemble(config, store, Clock())
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        supervisor = Supervisor()
        parts.pipeline.wake()
        supervisor.start("pipeline", parts.pipeline.run)
        await asyncio.to_thread(sys.stdin.readline)
        await supervisor.stop()
    finally:
        store.close()


def main() -> None:
    try:
        import uvloop  # noqa: PLC0415 - not on every system
    except ImportError:
        asyncio.run(work(Path(sys.argv[1])))
    else:
        uvloop.run(work(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
