"""The addresses of raising a disagreement."""

from django.urls import path

from escalation import raising

urlpatterns = [
    path("disagreements/new/", raising.start, name="raise"),
    path("disagreements/new/<uuid:draft_id>/check/", raising.check, name="raise-check"),
    path("disagreements/new/<uuid:draft_id>/read/", raising.read, name="raise-read"),
    path("disagreements/new/<uuid:draft_id>/delete/", raising.delete, name="raise-delete"),
    path("disagreements/new/<uuid:draft_id>/<slug:slug>/", raising.question, name="raise-question"),
    path("disagreements/<slug:reference>/sent/", raising.sent, name="raise-sent"),
]
