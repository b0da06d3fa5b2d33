"""Tells Django that the room `procedure` exists."""

from django.apps import AppConfig


class ProcedureConfig(AppConfig):
    name = "procedure"
