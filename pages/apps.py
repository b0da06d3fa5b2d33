"""How a page is made: fields, forms, dates in words and the tags of the components."""

from django.apps import AppConfig


class PagesConfig(AppConfig):
    """The bottom room: it imports no other app of ours."""

    name = "pages"
