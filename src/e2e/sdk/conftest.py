"""Every test runs twice: before the gateway's own demo upstream, and before a foreign mock.

`TOLLGATE_SDK_DIRECT=1` leaves the gateway out: what fails then is the mock's or the SDK's.
"""

import json
import os
import time
import urllib.request

import house
import pytest

DIRECT = bool(os.environ.get("TOLLGATE_SDK_DIRECT"))
PLACES = ["aimock"] if DIRECT else ["demo", "aimock"]


@pytest.fixture(scope="session")
def places():
    """The running gateways, by name."""
    with house.folder() as first, house.folder() as second, house.aimock() as mock:
        upstream = house.aimock_url(mock)
        if DIRECT:
            yield {"aimock": house.Place("aimock", upstream, "sk-any", "gpt-4o", None)}
            return
        with house.demo(first) as demo, house.serve(upstream, second) as serve:
            yield {
                "demo": place("demo", demo, demo.wait_for(r"\bkey\s+(sk-demo-\w+)"), "demo-fast"),
                "aimock": place("aimock", serve, house.CALLER_KEY, "gpt-4o"),
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
