"""Every test runs twice: before the gateway's own demo upstream, and before a foreign mock. Those of
the pairs run for each client before each upstream's format.

`TOLLGATE_SDK_DIRECT=1` leaves the gateway out: what fails then is the mock's or the SDK's.
"""

import json
import os
import time
import urllib.request
from contextlib import ExitStack

import house
import pytest

DIRECT = bool(os.environ.get("TOLLGATE_SDK_DIRECT"))
PLACES = ["aimock"] if DIRECT else ["demo", "aimock"]


@pytest.fixture(scope="session")
def places():
    """The running gateways, by name."""
    with ExitStack() as open_:
        enter = open_.enter_context
        upstream = house.aimock_url(enter(house.aimock()))
        if DIRECT:
            yield {"aimock": house.Place("aimock", upstream, "sk-any", "gpt-4o", None)}
            return
        started = enter(house.demo(enter(house.folder())))
        same = enter(house.serve(house.all_formats(upstream), enter(house.folder())))
        key = started.wait_for(r"\bkey\s+(sk-demo-\w+)")
        demo = place("demo", started, key, "demo-fast")
        upstreams = {"demo": (demo.url, key), "aimock": (upstream, "sk-any")}
        pairs = enter(house.serve(house.one_format_each(upstreams), enter(house.folder())))
        yield {
            "demo": demo,
            "aimock": place("aimock", same, house.CALLER_KEY, "gpt-4o"),
            "pairs": place("pairs", pairs, house.CALLER_KEY, "demo-chat"),
        }


def place(name, process, key, model):
    gateway = process.wait_for(r"listening gateway=\"?([\d.:]+)")
    admin = process.wait_for(r"listening admin=\"?([\d.:]+)")
    wait_until_ready(f"http://{gateway}/readyz")
    return house.Place(name, f"http://{gateway}", key, model, f"http://{admin}")


def wait_until_ready(url):
    deadline = time.monotonic() + house.PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.fixture(params=PLACES)
def where(request, places):
    """Each of the gateways in turn."""
    return places[request.param]


@pytest.fixture
def mock(places):
    """The gateway before the foreign mock, whose errors are scripted."""
    return places["aimock"]


@pytest.fixture
def gateway(places):
    """A gateway, for what no upstream is needed."""
    if DIRECT:
        pytest.skip("no gateway in between")
    return places["demo"]


@pytest.fixture
def record(places):
    """Looks a request's record up by its id."""
    if DIRECT:
        pytest.skip("no gateway in between")

    def look(where, request_id):
        url = f"{where.admin}/api/requests/{request_id}"
        call = urllib.request.Request(url, headers={"authorization": f"Bearer {where.key}"})
        deadline = time.monotonic() + 10
        while True:
            try:
                with urllib.request.urlopen(call, timeout=5) as answer:
                    return json.load(answer)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    return look
