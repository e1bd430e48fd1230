"""An OpenAI-compatible server on loopback that answers at once: a tool call for so many turns, then a text.

    python -m bench.lib.instant_server TURNS

prints its port. How far a conversation is, it reads from the number of tool results in the request. The tool's name and
argument are those of the first tool offered, so that every peer can bring its own. Log-probabilities are given to those
who ask for them, as a server does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

TOKENS = 2
"""Of every reply, whatever it says."""


def reply(request: dict[str, Any], turns: int) -> dict[str, Any]:
    """The next message of the conversation."""
    done = sum(message["role"] == "tool" for message in request["messages"])
    message: dict[str, Any] = {"role": "assistant", "content": "done"}
    if done < turns and request.get("tools"):
        function = request["tools"][0]["function"]
        (argument, *_) = function["parameters"]["properties"] or {"word": {}}
        last = done == turns - 1 and function["name"] == "bash"
        value = (
            "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
            if last
            else "true"
            if function["name"] == "bash"
            else f"word {done}"
        )
        call = {"name": function["name"], "arguments": json.dumps({argument: value})}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": f"call_{done}", "type": "function", "function": call}],
        }
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    logprobs = likely(request.get("top_logprobs", 0)) if request.get("logprobs") else None
    usage = {"prompt_tokens": 10, "completion_tokens": TOKENS, "total_tokens": 10 + TOKENS}
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": logprobs}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


def likely(alternatives: int) -> dict[str, Any]:
    """Log-probabilities of a reply of two tokens."""
    top = [{"token": f"t{n}", "logprob": -0.1 - n, "bytes": None} for n in range(alternatives)]
    token = {"token": "t0", "logprob": -0.1, "bytes": None, "top_logprobs": top}
    return {"content": [token] * TOKENS, "refusal": None}


async def serve(turns: int) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = next(
                    (
                        int(line[15:])
                        for line in head.split(b"\r\n")
                        if line.lower().startswith(b"content-length:")
                    ),
                    0,
                )
                body = json.dumps(reply(json.loads(await reader.readexactly(size)), turns)).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                    % len(body)
                    + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
