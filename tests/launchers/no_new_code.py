#!/usr/bin/env python3
"""Runs the command of its arguments where memory can never become code, as systemd's
MemoryDenyWriteExecute does: by prctl (Linux 6.3 and up), else by a seccomp filter.

Proves first that it works: asking for writable and executable memory must fail."""

import ctypes
import mmap
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_SET_MDWE = 38, 22, 65
PR_MDWE_REFUSE_EXEC_GAIN, SECCOMP_MODE_FILTER = 1, 2
LOAD, EQUAL, SET, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, DENY = 0x7FFF0000, 0x00050001  # EPERM
# System call numbers: mmap, mprotect, pkey_mprotect.
CALLS = {"x86_64": (9, 10, 329), "aarch64": (222, 226, 288)}

libc = ctypes.CDLL(None, use_errno=True)


def by_filter():
    """Third argument: write and execute together for mmap, execute at all for the others."""
    mmap_call, *protect_calls = CALLS[platform.machine()]
    program = []

    def deny(call, bits, all_of_them):
        rest = 5 if all_of_them else 3
        program.append((LOAD, 0, 0, 0))
        program.append((EQUAL, 0, rest, call))
        program.append((LOAD, 0, 0, 32))
        if all_of_them:
            program.append((SET, 0, 3, bits & 2))
            program.append((SET, 0, 2, bits & 4))
            program.append((RETURN, 0, 0, DENY))
            program.append((LOAD, 0, 0, 0))
        else:
            program.append((SET, 0, 1, bits))
            program.append((RETURN, 0, 0, DENY))

    deny(mmap_call, 6, True)
    for call in protect_calls:
        deny(call, 4, False)
    program.append((RETURN, 0, 0, ALLOW))
    code = b"".join(struct.pack("HBBI", *one) for one in program)
    buffer = ctypes.create_string_buffer(code)

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    filled = Program(len(program), ctypes.addressof(buffer))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        sys.exit("PR_SET_NO_NEW_PRIVS: " + os.strerror(ctypes.get_errno()))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filled), 0, 0) != 0:
        sys.exit("PR_SET_SECCOMP: " + os.strerror(ctypes.get_errno()))


if os.environ.get("NO_NEW_CODE") == "filter" or libc.prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0:
    by_filter()
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    sys.exit("memory can still become code")
except PermissionError:
    pass
os.execv(sys.argv[1], sys.argv[1:])
