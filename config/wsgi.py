"""The web process, for gunicorn or any other WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

from config import database

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

database.make_ready()
application = get_wsgi_application()
