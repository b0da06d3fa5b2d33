"""The addresses of the closing questions and of what was learnt."""

from django.urls import include, path

from learning import views

urlpatterns = [
    path("disagreements/<slug:reference>/closing-questions/", views.closing_questions, name="closing-questions"),
    path("disagreements/<slug:reference>/answer-closing-questions/", views.closing_questions),  # as the move is called
    path("learning/", views.learning, name="learning"),
    path("", include("learning.together_urls")),
]
