"""The addresses of the trail."""

from django.urls import path

from evidence import trail_pages

urlpatterns = [
    path("account/reading/", trail_pages.own_reading, name="own-reading"),
    path("trail/", trail_pages.trail_page, name="trail"),
    path("trail/export/", trail_pages.export, name="trail-export"),
    path("trail/printed/", trail_pages.printed, name="trail-printed"),
    path("trail/people/<uuid:person>/", trail_pages.person_page, name="trail-person"),
    path("trail/alarms/", trail_pages.alarms, name="trail-alarms"),
    path("trail/alarms/<uuid:alarm>/looked-into/", trail_pages.looked_into, name="trail-alarm-looked-into"),
]
