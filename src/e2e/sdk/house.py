"""Starts gateways and the upstreams behind them, and stops them again."""

import json
import os
import re
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
AIMOCK = HERE.parent / "aimock"
CALLER_KEY = "sk-sdk-tests-0123456789abcdef"
PATIENCE = 60.0


@dataclass(frozen=True)
class Place:
    """Where the SDKs call, and as whom."""

    name: str
    url: str
    key: str
    model: str
    admin: str | None


class Process:
    """A child process whose output is kept, and which is gone when its block ends."""

    def __init__(self, command, cwd=None, env=None):
        self.lines = []
        self.child = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append(re.sub(r"\x1b\[[0-9;]*m", "", line))

    def wait_for(self, pattern):
        """The first group of the first line that matches."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if found := re.search(pattern, line):
                    return found.group(1)
            if self.child.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"{self.child.args}: no line like {pattern}:\n{''.join(self.lines)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def binary():
    return os.environ["TOLLGATE_BIN"]


def quiet_env(**extra):
    return {"PATH": os.environ["PATH"], **extra}


def aimock():
    """The foreign upstream: its own code and its own idea of each vendor's wire format."""
    cli = AIMOCK / "node_modules/@copilotkit/aimock/dist/cli.js"
    command = ["node", str(cli), "--port", "0", "--fixtures", str(AIMOCK / "fixtures")]
    return Process([*command, "--chunk-size", "8", "--log-level", "info"], env=quiet_env())


def aimock_url(process):
    return process.wait_for(r"listening on (http://\S+)")


#: A model of each format's own vendor: what a model can do is told by its name.
VENDORS_MODELS = {
    "chat": "gpt-5.1",
    "responses": "gpt-5.1",
    "messages": "claude-sonnet-4-5",
    "gemini": "gemini-3-flash-preview",
}


def channel(name, upstream, formats, key="sk-upstream-of-the-sdk-tests"):
    """A channel that no scripted error closes."""
    return {
        "name": name,
        "provider": "custom",
        "base_url": upstream,
        "formats": formats,
        "keys": [key],
        "auto_disable": False,
        "breaker": {"failures": 1000, "window": "30s", "open": "1s"},
    }


def all_formats(upstream):
    """A gateway in front of one upstream that speaks all four formats."""
    models = ["gpt-4o", "claude-sonnet-4-5", "gemini-2.5-flash", "*"]
    return configuration([{**channel("aimock", upstream, list(VENDORS_MODELS)), "models": models}])


def one_format_each(upstreams):
    """A gateway with a channel for each upstream (name -> (address, key)) and format. The model
    `{upstream}-{format}` is served by one of them alone; `{upstream}-gone-{format}` is a model its
    upstream does not know."""
    channels = []
    for upstream, (address, key) in upstreams.items():
        for spoken, model in VENDORS_MODELS.items():
            served = {
                f"{upstream}-{spoken}": model,
                f"{upstream}-gone-{spoken}": "no-such-model",
            }
            made = channel(f"{upstream}-{spoken}", address, [spoken], key)
            channels.append({**made, "models": [], "model_map": served})
    return configuration(channels)


def configuration(channels):
    return {
        "gateway": {"listen": "127.0.0.1:0", "retries": 0},
        "admin": {"listen": "127.0.0.1:0", "key": CALLER_KEY},
        "metrics": {"listen": "127.0.0.1:0"},
        "store": "sqlite://tollgate.db",
        "journal": "journal",
        "tokens": [{"name": "sdk", "key": CALLER_KEY}],
        "channels": channels,
    }


def serve(configuration, folder):
    """`tollgate serve`."""
    Path(folder, "tollgate.yaml").write_text(json.dumps(configuration))
    return Process([binary(), "serve", "--config", "tollgate.yaml"], cwd=folder, env=quiet_env())


def demo(folder):
    """`tollgate demo` on free ports, speaking in more of a hurry than it does to people."""
    names = ("LISTEN", "ADMIN_LISTEN", "METRICS_LISTEN")
    ports = {f"TOLLGATE_DEMO_{name}": "127.0.0.1:0" for name in names}
    return Process([binary(), "demo"], cwd=folder, env=quiet_env(**ports, TOLLGATE_DEMO_PACE="4"))


def folder():
    return tempfile.TemporaryDirectory(prefix="tollgate-sdk-", ignore_cleanup_errors=True)
