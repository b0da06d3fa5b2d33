"""The addresses of the pages at the foot of every page."""

from django.urls import path

from pages import views

urlpatterns = [
    path("accessibility/", views.accessibility, name="accessibility"),
    path("privacy/", views.privacy, name="privacy"),
]
