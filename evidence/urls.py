"""The addresses of what auditors find and take away."""

from django.urls import include, path

from evidence import views

urlpatterns = [
    path("", include("evidence.trail_urls")),
    path("exports/", views.exports, name="exports"),
    path("exports/<uuid:export>/", views.export, name="export"),
]
