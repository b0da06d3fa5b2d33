"""Who people are: each part of it has its addresses in a file of its own."""

from django.urls import include, path

from accounts import views

urlpatterns = [
    path("", include("accounts.session_urls")),
    path("", views.start, name="start"),
    path("", include("accounts.sign_in_urls")),
    path("", include("accounts.joining_urls")),
    path("", include("accounts.organisation_urls")),
    path("", include("accounts.directory_urls")),
]
