"""The contract for asyncio: the calls of a driver as coroutines.

`StorageDriver.aio` gives it for any driver::

    async with driver.aio.reader("/a") as reader:
        async for piece in reader:
            ...

A call runs in a thread: waiting for a store costs no more there, and the
answers, the errors and the retries are those of the driver. `THREADS` calls
run at a time in a process; the others wait for their turn.

**Cancellation.** A request that is under way cannot be called back. A call
that is cancelled waits for it, and removes what it has opened: a reader is
closed, a new upload cancelled, and one that was resumed is closed and stays.
A `read` that was cancelled gives its bytes to the next one. A `write`, `put_content`
or `commit` that was cancelled may have done what it was to do.
"""

from storagedriver.aio.driver import AsyncStorageDriver
from storagedriver.aio.streams import AsyncFileReader, AsyncFileWriter, Opening
from storagedriver.aio.threads import THREADS

__all__ = ["THREADS", "AsyncFileReader", "AsyncFileWriter", "AsyncStorageDriver", "Opening"]
