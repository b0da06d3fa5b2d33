"""Signing in and out, passwords, the second factor, and each person's own page. Two names of one address: allauth looks for the first."""

from django.urls import path

from accounts import account_pages, lost_second_step, passwords, sign_in

urlpatterns = [
    path("sign-in/", sign_in.sign_in, name="account_login"),
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-in/second-factor/", sign_in.second_step, name="mfa_authenticate"),
    path("sign-out/", sign_in.sign_out, name="account_logout"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("password/forgotten/", passwords.forgotten, name="forgotten"),
    path("password/new/<str:who>/<str:token>/", passwords.set_new, name="new-password"),
    path("account/", account_pages.account, name="account"),
    path("account/mail/", account_pages.mail_choice, name="mail-choice"),
    path("account/password/", passwords.change, name="password"),
    path("account/confirm/", sign_in.confirm, name="account_reauthenticate"),
    path("account/confirm/", sign_in.confirm, name="mfa_reauthenticate"),
    path("account/second-factor/", account_pages.overview, name="second-factor"),
    path("account/second-factor/app/", account_pages.add_app, name="add-app"),
    path("account/second-factor/passkey/", account_pages.add_passkey, name="add-passkey"),
    path("account/second-factor/<int:pk>/remove/", account_pages.remove, name="remove-second-factor"),
    path("account/second-factor/recovery-codes/", account_pages.recovery_codes, name="recovery-codes"),
    path("account/second-factor/recovery-codes/download/", account_pages.download_recovery_codes, name="download-recovery-codes"),
    path("account/second-factor/recovery-codes/new/", account_pages.new_recovery_codes, name="new-recovery-codes"),
    path("directory/people/<uuid:person_id>/second-step/", lost_second_step.lost_second_step, name="directory-person-second-step"),
]
