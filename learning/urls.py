"""The addresses of the closing questions and of what was learnt; the rest of the room has modules of its own."""

from django.urls import include, path

from learning import briefing, changed, points, subgroups, themes, views

urlpatterns = [
    path("disagreements/<slug:reference>/closing-questions/", views.closing_questions, name="closing-questions"),
    path("disagreements/<slug:reference>/answer-closing-questions/", views.closing_questions),  # as the move is called
    path("learning/", changed.changed, name="learning"),
    path("learning/points/", points.points, name="learning-points"),
    path("learning/points/<uuid:point_id>/", points.point, name="learning-point"),
    path("learning/points/<uuid:point_id>/theme/", themes.place, name="learning-point-theme"),
    path("learning/themes/", themes.themes, name="themes"),
    path("learning/themes/new/", themes.new_theme, name="theme-new"),
    path("learning/themes/<uuid:theme_id>/", themes.theme, name="theme"),
    path("learning/themes/<uuid:theme_id>/change/", themes.change_theme, name="theme-change"),
    path("learning/themes/<uuid:theme_id>/decide/", themes.decide, name="theme-decide"),
    path("learning/themes/<uuid:theme_id>/briefing/", briefing.briefing, name="theme-briefing"),
    path("learning/done/<uuid:decision_id>/", themes.done, name="decision-done"),
    path("learning/subgroups/", subgroups.subgroups, name="subgroups"),
    path("learning/subgroups/<uuid:subgroup_id>/", subgroups.subgroup, name="subgroup"),
    path("", include("learning.figure_urls")),
    path("", include("learning.together_urls")),
]
