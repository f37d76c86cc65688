"""The web of the recordings: one small HTTP/1.1 server over TCP and TLS, on as many addresses as it is given.

Static files below DOCROOT/<Host> (a package index, wheels, a git repository), /v1/tasks, and two long-lived answers:
/v1/stream, a server-sent event stream in the rhythm of a language model (tokens, then silence with a heartbeat every
15 s), and /agent, a WebSocket that pings every 20 s. Usage: http_server.py DOCROOT CERT KEY ADDRESS:PORT...  (443 is TLS)
"""
import asyncio
import base64
import hashlib
import os
import random
import ssl
import sys
import urllib.parse

HEARTBEAT_S = 15
WEBSOCKET_PING_S = 20
WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def read_request(reader):
    line = await reader.readline()
    if not line:
        return None
    _method, target, _version = line.decode().split(" ", 2)
    headers = {}
    while (line := await reader.readline()) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    return urllib.parse.urlsplit(target), headers


def reply(writer, status, body, kind="application/octet-stream"):
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: keep-alive\r\n\r\n"
    writer.write(head.encode() + body)


async def stream(writer, seconds):
    """Bursts of tokens, as an answer is written; silences, as a tool runs or the model thinks."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    while clock() < until:
        for _ in range(random.randint(40, 200)):
            writer.write(b'data: {"delta":"token"}\n\n')
            await writer.drain()
            await asyncio.sleep(0.04)
        for _ in range(random.randint(1, 3)):
            await asyncio.sleep(HEARTBEAT_S)
            writer.write(b": ping\n\n")
    writer.write(b"data: [DONE]\n\n")
    await writer.drain()


async def websocket(reader, writer, headers):
    accept = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + WEBSOCKET_GUID).encode()).digest()).decode()
    writer.write(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())

    async def ping():
        while True:
            await asyncio.sleep(WEBSOCKET_PING_S)
            writer.write(b"\x89\x00")
            await writer.drain()

    task = asyncio.create_task(ping())
    try:
        while await reader.read(4096):
            pass
    finally:
        task.cancel()


def find_file(docroot, host, path):
    root = os.path.realpath(os.path.join(docroot, host.partition(":")[0]))
    found = os.path.realpath(os.path.join(root, urllib.parse.unquote(path).lstrip("/")))
    if not found.startswith(root):
        return None
    found = os.path.join(found, "index.html") if os.path.isdir(found) else found
    return found if os.path.isfile(found) else None


async def serve(docroot, reader, writer):
    try:
        while request := await read_request(reader):
            url, headers = request
            if url.path == "/v1/stream":
                await stream(writer, float(dict(urllib.parse.parse_qsl(url.query)).get("seconds", "60")))
                break
            if headers.get("upgrade") == "websocket":
                await websocket(reader, writer, headers)
                break
            if url.path == "/v1/tasks":
                reply(writer, "200 OK", b'{"tasks":[]}\n', "application/json")
            elif found := find_file(docroot, headers.get("host", ""), url.path):
                with open(found, "rb") as file:
                    reply(writer, "200 OK", file.read(), "text/html" if found.endswith(".html") else "application/octet-stream")
            else:
                reply(writer, "404 Not Found", b"not found\n", "text/plain")
            await writer.drain()
    except (ConnectionError, ssl.SSLError, ValueError):
        pass
    finally:
        writer.close()


async def main():
    docroot, certificate, key = sys.argv[1:4]
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    for endpoint in sys.argv[4:]:
        address, port = endpoint.rsplit(":", 1)
        await asyncio.start_server(lambda r, w: serve(docroot, r, w), address, int(port), ssl=tls if port == "443" else None)
    await asyncio.Event().wait()


asyncio.run(main())
