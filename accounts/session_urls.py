"""How long one's session still lasts, what one is writing, and where one is signed in."""

from django.urls import path

from accounts import session_views

urlpatterns = [
    path("session/", session_views.left, name="session-left"),
    path("session/extend/", session_views.extend, name="session-extend"),
    path("session/keep/", session_views.keep, name="session-keep"),
    path("session/forget/", session_views.forget, name="session-forget"),
    path("account/sessions/", session_views.sessions, name="sessions"),
]
