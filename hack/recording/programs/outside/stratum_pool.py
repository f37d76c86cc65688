"""A mining pool that speaks Monero's stratum: line-delimited JSON-RPC with login, job, submit and keepalived.

Checks every share by really hashing it (SHA-256 stands in for RandomX, which would burn a core), retargets nothing, and
announces a new block to all miners every two minutes, as the real chain does. Usage: stratum_pool.py ADDRESS:PORT...
"""
import asyncio
import hashlib
import json
import os
import sys

BLOCK_SECONDS = 120
TARGET = (1 << 256) // 50_000  # about one share in 25 s at the client's 2 000 hashes a second
miners = {}


def new_job(state):
    state["job"] = {
        "blob": os.urandom(76).hex(),
        "job_id": os.urandom(8).hex(),
        "target": f"{TARGET >> 192:016x}",
        "height": 3_200_000 + state["height"],
        "seed_hash": os.urandom(32).hex(),
        "algo": "rx/0",
    }


def answer(state, request):
    method, params = request.get("method"), request.get("params", {})
    if method == "login":
        return {"id": os.urandom(8).hex(), "job": state["job"], "extensions": ["keepalive"], "status": "OK"}, None
    if method == "keepalived":
        return {"status": "KEEPALIVED"}, None
    if method == "submit":
        digest = hashlib.sha256(bytes.fromhex(state["job"]["blob"]) + bytes.fromhex(params["nonce"])).digest()
        if params["job_id"] == state["job"]["job_id"] and int.from_bytes(digest, "big") < TARGET:
            return {"status": "OK"}, None
        return None, {"code": -1, "message": "Low difficulty share"}
    return None, {"code": -1, "message": "Invalid method"}


async def serve(state, reader, writer):
    miners[writer] = state
    try:
        while line := await reader.readline():
            request = json.loads(line)
            result, error = answer(state, request)
            reply = {"id": request["id"], "jsonrpc": "2.0", "error": error, "result": result}
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
    except (ConnectionError, ValueError):
        pass
    finally:
        miners.pop(writer, None)
        writer.close()


async def announce_blocks(state):
    while True:
        await asyncio.sleep(BLOCK_SECONDS)
        state["height"] += 1
        new_job(state)
        for writer in list(miners):
            writer.write(json.dumps({"jsonrpc": "2.0", "method": "job", "params": state["job"]}).encode() + b"\n")


async def main():
    state = {"height": 0}
    new_job(state)
    for endpoint in sys.argv[1:]:
        address, port = endpoint.rsplit(":", 1)
        await asyncio.start_server(lambda r, w: serve(state, r, w), address, int(port))
    await announce_blocks(state)


asyncio.run(main())
