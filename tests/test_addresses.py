"""With few addresses left (`ulimit -v`), what would end the process is refused before; see tests/hostile too."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from edge_lam._util.addresses import address_space, check_addresses, stacks
from edge_lam.errors import InsufficientMemory

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells how many are taken")

BEGIN = """
import resource, sys
from edge_lam._util.addresses import address_space, spare_addresses
from edge_lam.errors import InsufficientMemory

def leave(mib):
    with open("/proc/self/status") as status:
        taken = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmSize"))
    resource.setrlimit(resource.RLIMIT_AS, (taken + (mib << 20), resource.RLIM_INFINITY))

def refused(act):
    try:
        act()
    except InsufficientMemory as error:
        print(error.message)
    else:
        print("done")
"""
LIBRARIES = """
leave(40)
spare_addresses()
refused(lambda: __import__("numpy"))
leave(120)
from edge_lam.llama.library import library
refused(library)
leave(300)
refused(library)
"""
GRAMMAR = """
import edge_lam
from edge_lam.demo_tools import DEMO_TOOLS
with edge_lam.load(log=False, prefix_cache=False, n_ctx=2048) as lam:
    lam.chat("hi", tools=DEMO_TOOLS[:1], max_tokens=1)
    leave(8)
    refused(lambda: lam.chat("hi", tools=DEMO_TOOLS[1:3], max_tokens=1))
    leave(64)
    refused(lambda: lam.chat("hi", tools=DEMO_TOOLS[1:3], max_tokens=1))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "takers"),
    [(LIBRARIES, ["numpy", "llama.cpp", None]), (GRAMMAR, ["the grammar of the tools", None])],
    ids=["libraries", "grammar"],
)
def test_what_would_end_the_process_is_refused_before(program, takers):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + program], capture_output=True, text=True, check=True, env=environment
    )
    for line, taker in zip(done.stdout.splitlines(), takers, strict=True):
        assert line.startswith(f"{taker} takes up to ") if taker else line == "done"


@pytest.fixture
def limit():
    """A limit of this process far above what it takes, lifted afterwards."""
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 46, hard))
    yield 1 << 46
    resource.setrlimit(resource.RLIMIT_AS, (before, hard))


def test_what_is_left_below_a_limit(limit):
    left = address_space()
    assert limit / 2 < left < limit
    check_addresses(left // 2, "half of it")
    with pytest.raises(InsufficientMemory, match=r"all of it takes up to .* of addresses") as caught:
        check_addresses(limit, "all of it")
    assert caught.value.needed == limit
    assert caught.value.available <= left


def test_without_a_limit_nothing_is_refused():
    assert address_space() is None
    check_addresses(2**70, "everything")
    assert stacks(2) == 2 * stacks(1) > 0
