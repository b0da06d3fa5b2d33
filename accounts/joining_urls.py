"""Joining by invitation, and the invitations somebody has made."""

from django.urls import path

from accounts import joining

urlpatterns = [
    path("invitation/<str:key>/", joining.join, name="invitation"),
    path("account/invitations/", joining.made, name="invitations"),
    path("account/invitations/<uuid:pk>/", joining.code, name="invitation-code"),
    path("account/invitations/<uuid:pk>/again/", joining.again, name="invite-again"),
    path("account/invitations/<uuid:pk>/withdraw/", joining.withdraw, name="withdraw-invitation"),
]
