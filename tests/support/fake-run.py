#!/usr/bin/python3
"""Stands in for enclavebuild on a host of tests/support/host.sh where `run` is to
show what no machine here can: an NSM, and enclaves that do not come up.  It keeps
the state of builder/launch/state.h; WORK/behaviour.DIGEST says how an image
behaves: ready, crash, hang, attested, another, unattested.  All other verbs are
the real program's, WORK/real."""
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

WORK = "@WORK@"
REAL = WORK + "/real"
args = sys.argv[1:]


def folder_of(name):
    return "/run/enclavebuild/" + name


def stop(name):
    with open(folder_of(name) + "/state.json") as f:
        pid = json.load(f)["Pid"]
    try:
        os.kill(pid, signal.SIGTERM)
        while True:
            os.kill(pid, 0)
            time.sleep(0.1)
    except ProcessLookupError:
        pass


def tell_systemd():
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"READY=1\n", address.replace("@", "\0", 1))


def run(image, name):
    folder = folder_of(name)
    os.makedirs(folder, exist_ok=True)
    lock = os.open(folder + "/lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.fcntl(lock, 37, struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 0, 0))  # F_OFD_SETLK
    measured = subprocess.run([REAL, "measure", image], capture_output=True, text=True, check=True)
    pcr0 = measured.stdout.split()[1]
    digest = os.path.basename(image)[: -len(".eif")]
    try:
        with open(WORK + "/behaviour." + digest) as f:
            behaviour = f.read().strip()
    except FileNotFoundError:
        behaviour = "ready"
    state = {
        "Name": name, "Image": image, "PCR0": pcr0, "Backend": "test", "Pid": os.getpid(),
        "Started": int(time.time()), "State": "starting", "CID": 16, "MemoryMiB": 512,
        "CPUs": 2, "CPUIDs": None, "Debug": False, "Exec": False, "Heartbeat": False,
        "Ports": [], "Units": [], "NSM": None, "Attestation": None, "ExitCode": None,
        "Signal": None, "Error": None, "Ended": None}

    def write(**changes):
        state.update(changes)
        with open(folder + "/state.new", "w") as f:
            json.dump(state, f)
        os.rename(folder + "/state.new", folder + "/state.json")

    def end(*_):
        write(State="ended", ExitCode=143, Ended=int(time.time()))
        sys.exit(143)

    signal.signal(signal.SIGTERM, end)
    print("run:", behaviour, flush=True)
    write()
    if behaviour == "crash":
        time.sleep(1)
        write(State="ended", ExitCode=7, Error="it crashed", Ended=int(time.time()))
        sys.exit(7)
    if behaviour != "hang":
        nsm, attestation = {
            "ready": (False, None),
            "attested": (True, {"PCR0": pcr0, "Matches": True}),
            "another": (True, {"PCR0": "0" * 96, "Matches": False}),
            "unattested": (True, {"None": "the module is broken"}),
        }[behaviour]
        write(State="ready", Heartbeat=True, NSM=nsm, Attestation=attestation)
        tell_systemd()
    while True:
        signal.pause()


if args[0] == "run":
    run(args[1], args[args.index("--name") + 1])
elif args[0] == "stop":
    stop(args[1])
else:
    os.execv(REAL, [REAL] + args)
