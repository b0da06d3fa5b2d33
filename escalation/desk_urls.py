"""The addresses of the desk, the list, the public page and the health checks."""

from django.urls import path

from escalation import desk, health, listing

urlpatterns = [
    path("desk/", desk.desk, name="desk"),
    path("disagreements/", listing.disagreements, name="disagreements"),
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
]
