"""The web process. gunicorn reads this file by itself when it is started in this directory; its own options on the command line win."""

import os
import sys

import gunicorn.http.wsgi

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from config import logs
from config.database import env

_live = env.bool("ACCORD_LIVE", default=False)

worker_class = "gthread"
workers = env.int("WEB_WORKERS", default=2)
threads = env.int("WEB_THREADS", default=4)
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - a heartbeat must not wait for a disk
control_socket_disable = True

timeout = 30  # a worker that is silent for so long is replaced
graceful_timeout = 30  # what is being answered at a stop may end
keepalive = 5
max_requests = 5_000  # what leaks, leaks for so long
max_requests_jitter = 500

limit_request_line = 2_048  # our longest address with its query is below
limit_request_fields = 64
limit_request_field_size = 8_190

# The proxy in front of us says whether TLS was spoken (BEHIND_PROXY); nobody else reaches this port.
forwarded_allow_ips = env.str("FORWARDED_ALLOW_IPS", default="127.0.0.1,::1")

loglevel = env.str("LOG_LEVEL", default="INFO").lower() if _live else "warning"
logconfig_dict = logs.configuration(live=_live, level=loglevel.upper())
accesslog = None  # Accord says itself how each request ended, with ids only

gunicorn.http.wsgi.SERVER = "accord"  # no product, no version
