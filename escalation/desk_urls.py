"""The addresses of the desk, the list, the public page and the health checks."""

from django.urls import path

from escalation import desk, health, listing, public

urlpatterns = [
    path("desk/", desk.desk, name="desk"),
    path("disagreements/", listing.disagreements, name="disagreements"),
    path("how-to-disagree/", public.how_to_disagree, name="how-to-disagree"),
    path("how-to-disagree/<slug:slug>/", public.how_to_disagree_in, name="how-to-disagree-in"),
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
]
