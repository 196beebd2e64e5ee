"""What can go wrong in a cluster, done to one: who is hit, how the task may end, what makes the cluster whole again."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.cluster import OFFERS, Cluster
from tests.chaos.wire import Wire
from tests.server import until

__all__ = ["FAULTS", "Fault", "Struck"]

WORKERS = ("clinic", "hospital")
ACTOR_S, NODE_S, CUT_S, SERVER_S, SILENT_S = 2.0, 15.0, 45.0, 30.0, 70.0
"""Stated seconds until a task has failed: its party died, its node, the way between parties, the server's processes, or
a party does not answer.
"""

SLOW_S, SHORT_S, DELAY_S = 6.0, 4.0, 0.02


@dataclass(frozen=True)
class Struck:
    """What was done.

    Attributes
    ----------
    who
        Was hit.
    parties
        Of which the task's error has to name one, if it fails by this; empty where it names none.
    heal
        Makes the cluster whole again, once the task has ended.
    """

    who: str
    parties: frozenset[str] = frozenset()
    heal: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    Attributes
    ----------
    strike
        Does it to a cluster in which a task trains.
    within_s
        Stated seconds until the task has failed; None where it has to go on.
    before
        Makes the cluster ready before the task begins, as a struck one that heals itself.
    transport
        Of the task.
    """

    strike: Callable[[Cluster, random.Random], Struck]
    within_s: float | None
    before: Callable[[Cluster, random.Random], Struck] | None = None
    transport: str = "ray"


def _kill(pids: Iterable[int], number: signal.Signals = signal.SIGKILL) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _drawn_actor(cluster: Cluster, draw: random.Random) -> tuple[int, str, frozenset[str]]:
    """Return one of the task's processes: process id, role, the parties that it may be."""
    actors = cluster.actors()
    until(lambda: actors.update(cluster.actors()) or actors, 30)
    pid, (role, host) = draw.choice(sorted(actors.items(), key=lambda item: (item[1], item[0])))
    parties = {"MainClient": {"coordinator"}, "CryptoProducer": {"dealer"}, "LabelClient": {"hospital"}}
    found = parties.get(role, {"clinic"} if host == "clinic" else {"laboratory"})
    return pid, role, frozenset(found)


def kill_actor(cluster: Cluster, draw: random.Random) -> Struck:
    pid, role, parties = _drawn_actor(cluster, draw)
    _kill([pid])
    return Struck(role, parties)


def slow_party(cluster: Cluster, draw: random.Random) -> Struck:
    pid, role, _ = _drawn_actor(cluster, draw)
    _kill([pid], signal.SIGSTOP)
    time.sleep(SLOW_S)
    _kill([pid], signal.SIGCONT)
    return Struck(role)


def freeze_actor(cluster: Cluster, draw: random.Random) -> Struck:
    pid, role, parties = _drawn_actor(cluster, draw)
    _kill([pid], signal.SIGSTOP)
    return Struck(role, parties)


def _lost_host(cluster: Cluster, host: str) -> Struck:
    return Struck(host, frozenset(OFFERS[host]), lambda: cluster.restart(host))


def kill_raylet(cluster: Cluster, draw: random.Random) -> Struck:
    host = draw.choice(WORKERS)
    _kill(cluster.hosts[host].processes("raylet/raylet"))
    return _lost_host(cluster, host)


def power_off(cluster: Cluster, draw: random.Random) -> Struck:
    host = draw.choice(WORKERS)
    cluster.hosts[host].switch_off()
    return _lost_host(cluster, host)


def freeze_host(cluster: Cluster, draw: random.Random) -> Struck:
    host = draw.choice(WORKERS)
    _kill(cluster.hosts[host].processes("ray"), signal.SIGSTOP)
    return _lost_host(cluster, host)


def cut_host(cluster: Cluster, draw: random.Random) -> Struck:
    host = draw.choice(WORKERS)
    subprocess.run(["ip", "link", "set", f"v-{host}", "down"], check=True)
    return _lost_host(cluster, host)


def cut_pair(cluster: Cluster, draw: random.Random) -> Struck:
    wire = Wire("clinic", cut_from="hospital")
    wire.__enter__()
    return Struck("clinic-hospital", frozenset(OFFERS["clinic"] + OFFERS["hospital"]), lambda: _mend(wire))


def _mend(wire: Wire) -> None:
    wire.__exit__(None, None, None)


def short_cut(cluster: Cluster, draw: random.Random) -> Struck:
    with Wire("clinic", cut_from="hospital"):
        time.sleep(SHORT_S)
    return Struck("clinic-hospital")


def delay(cluster: Cluster, draw: random.Random) -> Struck:
    host = draw.choice(WORKERS)
    wire = Wire(host, delay_s=DELAY_S)
    wire.__enter__()
    return Struck(host, heal=lambda: _mend(wire))


def fill_disk(cluster: Cluster, draw: random.Random) -> Struck:
    party = draw.choice(("clinic", "laboratory", "hospital"))
    filler = cluster.root(party) / "filler"
    with filler.open("wb") as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
            file.flush()
    return Struck(party, frozenset({party}), filler.unlink)


def _kill_at_head(*titles: str) -> Callable[[Cluster, random.Random], Struck]:
    def strike(cluster: Cluster, draw: random.Random) -> Struck:
        _kill(cluster.hosts["head"].processes(*titles))
        return Struck(titles[0])

    return strike


def kill_server(cluster: Cluster, draw: random.Random) -> Struck:
    cluster.server.crash()
    return Struck("fedray serve", heal=cluster.server.start)


def restart_gcs(cluster: Cluster, draw: random.Random) -> Struck:
    head = cluster.hosts["head"]
    (pid,) = (pid for pid, title in head.processes("gcs_server").items() if "bash" not in title)
    command = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode().split("\0")
    kept = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    _kill([pid])
    time.sleep(1.0)
    variables = shlex.join(["env", "-i", *(line for line in kept if "=" in line)])
    line = f"setsid {variables} {shlex.join(command)} >/dev/null 2>&1 </dev/null &"
    subprocess.run(head.inside(line), check=True, timeout=30)
    return Struck("gcs_server")


CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
int clock_gettime(clockid_t which, struct timespec *to) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(which, to);
    if (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE) to->tv_sec += AHEAD_S;
    return done;
}
int gettimeofday(struct timeval *to, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    to->tv_sec = now.tv_sec, to->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}
"""
"""Another time of day for a whole host; there is no namespace of that."""

AHEAD_S = (3 * 86400, -40 * 86400, 600)


def skew_clock(cluster: Cluster, draw: random.Random) -> Struck:
    host, ahead_s = draw.choice(WORKERS), draw.choice(AHEAD_S)
    library = cluster.folder / f"clock{ahead_s}.so"
    command = ["cc", "-shared", "-fPIC", f"-DAHEAD_S={ahead_s}", "-x", "c", "-o", str(library), "-"]
    subprocess.run(command, input=CLOCK.encode(), check=True, timeout=60)
    cluster.restart(host, LD_PRELOAD=str(library))
    return Struck(f"{host} {ahead_s:+d} s", heal=lambda: cluster.restart(host))


def nothing_more(cluster: Cluster, draw: random.Random) -> Struck:
    return Struck("")


FAULTS: Mapping[str, Fault] = {
    "actor killed": Fault(kill_actor, ACTOR_S),
    "actor killed, fast transport": Fault(kill_actor, ACTOR_S, transport="fast"),
    "actor frozen": Fault(freeze_actor, SILENT_S),
    "raylet killed": Fault(kill_raylet, NODE_S),
    "host powered off": Fault(power_off, NODE_S),
    "host frozen": Fault(freeze_host, NODE_S),
    "host cut off": Fault(cut_host, NODE_S),
    "parties cut off": Fault(cut_pair, CUT_S, transport="fast"),
    "parties cut off, actor calls": Fault(cut_pair, SILENT_S),
    "parties cut off for a moment": Fault(short_cut, None, transport="fast"),
    "slow network": Fault(delay, None, transport="fast"),
    "disk full": Fault(fill_disk, SERVER_S),
    "slow party": Fault(slow_party, None),
    "supervisor killed": Fault(_kill_at_head("ray::Supervisor"), SERVER_S),
    "replica killed": Fault(_kill_at_head("ray::ServeReplica"), None),
    "controller killed": Fault(_kill_at_head("ray::ServeController"), None),
    "proxy killed": Fault(_kill_at_head("ray::ProxyActor"), None),
    "server killed": Fault(kill_server, None),
    "GCS restarted": Fault(restart_gcs, None),
    "clock wrong": Fault(nothing_more, None, before=skew_clock, transport="fast"),
}
"""Every kind, by name."""
