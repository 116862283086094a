# SPDX-License-Identifier: Apache-2.0
"""Many clients at once, each with a connection of its own: all connect, then all ask."""
import asyncio
import collections
import time

from .ask import field

# `first` and `took` are seconds from the asking on; `whole` tells that the framing was kept.
Reply = collections.namedtuple("Reply", "status head body whole first took")


def request(path="/", *lines, method="GET", host="www.example.com", body=b""):
    """The bytes of a request whose connection ends with the answer."""
    length = [f"Content-Length: {len(body)}"] if body else []
    text = "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *lines, *length,
                        "Connection: close", "", ""])
    return text.encode("latin-1") + body


def crowd(port, requests, asked=None, within=20, gap=0.0, server="127.0.0.1"):
    """The replies in the order of the requests; `asked` is called once all of them were sent.

    `gap` are seconds between one request and the next.
    """
    return asyncio.run(_crowd(server, port, requests, asked, within, gap))


async def _crowd(server, port, requests, asked, within, gap):
    lines = await asyncio.gather(*(
        asyncio.open_connection(server, port, limit=1 << 20) for _ in requests))
    tasks = []
    for (reader, writer), data in zip(lines, requests):
        began = time.monotonic()
        writer.write(data)
        tasks.append(asyncio.ensure_future(
            asyncio.wait_for(_read(reader, data.startswith(b"HEAD "), began), within)))
        if gap:
            await asyncio.sleep(gap)
    await asyncio.sleep(0)
    if asked:
        await asyncio.sleep(0.2)
        asked()
    replies = await asyncio.gather(*tasks, return_exceptions=True)
    for _, writer in lines:
        writer.close()
    return [Reply(0, repr(reply), b"", False, 0, 0) if isinstance(reply, BaseException) else reply
            for reply in replies]


async def _read(reader, is_head, began):
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (OSError, asyncio.IncompleteReadError) as error:
        return Reply(0, repr(error), b"", False, 0, time.monotonic() - began)
    first = time.monotonic() - began
    status = int(head.split(" ", 2)[1])
    body, whole = b"", True
    try:
        if is_head or status in (204, 304):
            pass
        elif "chunked" in (field(head, "Transfer-Encoding") or ""):
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readuntil(b"\r\n")
        elif (length := field(head, "Content-Length")) is not None:
            body = await reader.readexactly(int(length))
        else:
            body = await reader.read()
    except asyncio.IncompleteReadError as error:
        body, whole = body + error.partial, False
    except OSError:
        whole = False
    return Reply(status, head, body, whole, first, time.monotonic() - began)
