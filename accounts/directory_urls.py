"""The directory: agencies, teams, posts, people, stand-ins and appointments."""

from django.urls import path

from accounts import appointments, directory_changes, directory_files, directory_people, directory_views, leaving, stand_ins

urlpatterns = [
    path("directory/", directory_views.agencies, name="directory"),
    path("directory/agencies/new/", directory_views.new_agency, name="directory-agency-new"),
    path("directory/agencies/<uuid:agency_id>/", directory_views.agency, name="directory-agency"),
    path("directory/agencies/<uuid:agency_id>/people/", directory_people.people, name="directory-people"),
    path("directory/agencies/<uuid:agency_id>/people/new/", directory_people.new_person, name="directory-person-new"),
    path("directory/agencies/<uuid:agency_id>/teams/new/", directory_views.new_team, name="directory-team-new"),
    path("directory/agencies/<uuid:agency_id>/posts/new/", directory_views.new_post, name="directory-post-new"),
    path("directory/agencies/<uuid:agency_id>/import/", directory_files.import_file, name="directory-import"),
    path("directory/agencies/<uuid:agency_id>/template.csv", directory_files.template, name="directory-template"),
    path("directory/agencies/<uuid:agency_id>/directory.csv", directory_files.export, name="directory-export"),
    path("directory/agencies/<uuid:agency_id>/changes/", directory_changes.changes, name="directory-changes"),
    path("directory/teams/<uuid:team_id>/", directory_views.team, name="directory-team"),
    path("directory/posts/<uuid:post_id>/", directory_views.post, name="directory-post"),
    path("directory/posts/<uuid:post_id>/change/", directory_views.change_post, name="directory-post-change"),
    path("directory/posts/<uuid:post_id>/end/", directory_views.end_post, name="directory-post-end"),
    path("directory/posts/<uuid:post_id>/stand-ins/", stand_ins.of_post, name="directory-post-stand-in"),
    path("directory/people/<uuid:person_id>/", directory_people.person, name="directory-person"),
    path("directory/people/<uuid:person_id>/change/", directory_people.change_person, name="directory-person-change"),
    path("directory/people/<uuid:person_id>/invite/", directory_people.invite_person, name="directory-person-invite"),
    path("directory/people/<uuid:person_id>/left/", leaving.leaving, name="directory-person-left"),
    path("directory/people/<uuid:person_id>/sign-in/", leaving.sign_in_of, name="directory-person-sign-in"),
    path("account/stand-ins/", stand_ins.mine, name="stand-ins"),
    path("account/stand-ins/<uuid:stand_in_id>/end/", stand_ins.ended, name="stand-in-end"),
    path("partnership/people/", appointments.appointments, name="appointments"),
    path("partnership/people/new/", appointments.appoint_somebody, name="appoint"),
    path("partnership/people/<uuid:appointment_id>/end/", appointments.end_appointment, name="appointment-end"),
]
