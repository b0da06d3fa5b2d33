"""The way in and the way out, and how often one gets mail."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("", views.start, name="start"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("account/mail/", views.mail_choice, name="mail-choice"),
]
