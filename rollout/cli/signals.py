"""When a command that goes on by itself has to end."""

import asyncio
import signal


def asked_to_end() -> asyncio.Event:
    """Set once somebody wants this process to end, by Ctrl-C or SIGTERM."""
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asked
