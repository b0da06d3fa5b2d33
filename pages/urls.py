"""The addresses of the pages at the foot of every page, and of what strangers may tell us."""

from django.urls import path

from pages import reports, views

urlpatterns = [
    path("accessibility/", views.accessibility, name="accessibility"),
    path("privacy/", views.privacy, name="privacy"),
    path("csp-report/", reports.csp_report, name="csp-report"),
    path(".well-known/security.txt", reports.security_txt, name="security-txt"),
]
