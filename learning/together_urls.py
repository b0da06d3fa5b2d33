"""The addresses of debriefs, thanks, joint learning events, and each person's own log."""

from django.urls import path

from learning import debriefs, events, log, thanks

urlpatterns = [
    path("log/", log.log, name="log"),
    path("log/new/", log.new, name="log-new"),
    path("log/log.csv", log.as_csv, name="log-csv"),
    path("log/log.pdf", log.as_pdf, name="log-pdf"),
    path("log/<uuid:entry_id>/", log.change, name="log-change"),
    path("log/<uuid:entry_id>/delete/", log.delete, name="log-delete"),
    path("debriefs/", debriefs.debriefs, name="debriefs"),
    path("debriefs/arrange/<uuid:request_id>/", debriefs.arrange, name="debrief-arrange"),
    path("debriefs/<uuid:debrief_id>/", debriefs.debrief, name="debrief"),
    path("debriefs/<uuid:debrief_id>/change/", debriefs.change, name="debrief-change"),
    path("debriefs/<uuid:debrief_id>/note/", debriefs.note, name="debrief-note"),
    path("debriefs/<uuid:debrief_id>/learning/", debriefs.learning_point, name="debrief-learning"),
    path("thanks/", thanks.thanks, name="thanks"),
    path("disagreements/<slug:reference>/thanks/", thanks.thank, name="thank"),
    path("learning/events/", events.events, name="events"),
    path("learning/events/new/", events.new, name="event-new"),
    path("learning/events/<uuid:event_id>/", events.event, name="event"),
    path("learning/events/<uuid:event_id>/change/", events.change, name="event-change"),
    path("learning/capabilities/", events.capabilities, name="capabilities"),
]
