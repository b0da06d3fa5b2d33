"""The addresses of one disagreement: its page, who can see it, and every move."""

from django.urls import path

from escalation import emergency, mediation_pages, move_pages, page, side_notes, versions

urlpatterns = [
    path("disagreements/<slug:reference>/", page.disagreement, name="disagreement"),
    path("disagreements/<slug:reference>/who-can-see/", page.who_can_see, name="who-can-see"),
    path("disagreements/<slug:reference>/versions/", versions.versions, name="versions"),
    path("disagreements/<slug:reference>/our-notes/", side_notes.our_notes, name="our-notes"),
    path("disagreements/<slug:reference>/with-the-chair/", mediation_pages.with_the_chair, name="with-the-chair"),
    path("disagreements/<slug:reference>/with-each-side/<slug:kind>/", mediation_pages.with_a_side, name="with-a-side"),
    path("disagreements/<slug:reference>/session.ics", mediation_pages.session_ics, name="session-ics"),
    path("emergency/", emergency.emergency, name="emergency"),
    path("disagreements/<slug:reference>/<slug:slug>/", move_pages.move, name="move"),
]
