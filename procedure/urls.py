"""The addresses of the office's pages about its procedure."""

from django.urls import path

from procedure import views

urlpatterns = [
    path("procedure/", views.procedure, name="procedure"),
    path("procedure/new/", views.new, name="procedure-new"),
    path("procedure/proposals/<uuid:proposal_id>/", views.proposal, name="procedure-proposal"),
    path("procedure/proposals/<uuid:proposal_id>/policy.yaml", views.proposal_text, name="procedure-proposal-text"),
    path("procedure/versions/<int:number>/", views.version, name="procedure-version"),
    path("procedure/versions/<int:number>/policy.yaml", views.version_text, name="procedure-version-text"),
    path("procedure/posts/", views.posts, name="procedure-posts"),
    path("procedure/posts/<uuid:team_id>/<int:level>/", views.post, name="procedure-post"),
    path("procedure/calendar/", views.calendar, name="procedure-calendar"),
]
