"""Connects to a local port without pause until a file appears; fails if one connect was refused.

connects.py PORT FILE"""

import os
import socket
import sys
import time

port, done = int(sys.argv[1]), sys.argv[2]
asked = refused = 0
while not os.path.exists(done) or asked == 0:
    asked += 1
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError as error:
        refused += 1
        print(error, file=sys.stderr)
    time.sleep(0.01)
print(f"{refused} of {asked} connects refused")
sys.exit(1 if refused else 0)
