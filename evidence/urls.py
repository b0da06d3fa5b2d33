"""The addresses of what auditors find and take away."""

from django.urls import path

from evidence import views

urlpatterns = [
    path("exports/", views.exports, name="exports"),
    path("exports/history.csv", views.history, name="export-history"),
]
