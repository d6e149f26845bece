"""`measure.py PROGRAM …`: runs a program, its output to standard error, and prints what it used as JSON.

It imports next to nothing, and is run by a bare Python (`-I -S`), on purpose: a child's peak memory is at least that of
the process that it was spawned from, since the kernel counts the moment before it became another program. So no figure
is below this one's own 9 MB or so.
"""

import json
import os
import sys
import time

begun = time.monotonic()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, used = os.wait4(child, 0)
wall = time.monotonic() - begun
print(
    json.dumps(
        {
            "status": os.waitstatus_to_exitcode(status),
            "wall": wall,
            "cpu": used.ru_utime + used.ru_stime,
            "peak_mb": used.ru_maxrss / 1024,
        }
    )
)
