"""`measure.py PROGRAM …`: runs a program with its output on standard error, and prints its resource usage as JSON.

Runs in a bare Python (`-I -S`) with few imports, because a child's peak memory is at least that of its parent: the kernel
counts the time between fork and exec. So no figure is below this process's own 9 MB.
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
