"""Every room's addresses, joined."""

from django.urls import include, path

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("learning.urls")),
    path("", include("evidence.urls")),
    path("", include("escalation.urls")),
    path("", include("procedure.urls")),
    path("", include("pages.urls")),
]

handler400 = "pages.faults.not_readable"
handler403 = "pages.faults.not_allowed"
handler500 = "pages.faults.fault"
