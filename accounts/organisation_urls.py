"""The way to one's organisation and back, under the names by which allauth looks for them."""

from django.urls import path

from accounts import organisation

urlpatterns = [
    path("organisation/<slug:provider_id>/login/", organisation.begin, name="openid_connect_login"),
    path("organisation/<slug:provider_id>/login/callback/", organisation.come_back, name="openid_connect_callback"),
]
