"""The addresses of this room. Literal ones come first: a reference must not swallow them."""

from django.urls import include, path

urlpatterns = [
    path("", include("escalation.raising_urls")),
    path("", include("escalation.desk_urls")),
    path("", include("escalation.page_urls")),
]
