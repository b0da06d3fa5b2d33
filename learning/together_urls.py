"""The addresses of debriefs, thanks, joint learning events, and each person's own log."""

from django.urls import path

from learning import log

urlpatterns = [
    path("log/", log.log, name="log"),
    path("log/new/", log.new, name="log-new"),
    path("log/log.csv", log.as_csv, name="log-csv"),
    path("log/log.pdf", log.as_pdf, name="log-pdf"),
    path("log/<uuid:entry_id>/", log.change, name="log-change"),
    path("log/<uuid:entry_id>/delete/", log.delete, name="log-delete"),
]
