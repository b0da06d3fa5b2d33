"""Recognition: a private draft before anything is sent (23.12). Unchained, no history, deletable."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from accounts.models import Partnership, Post, Row, User


class Draft(Row):
    """What a person has written so far. Its id is the key of the sending, so that sending twice is sending once."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    author = models.ForeignKey(User, models.PROTECT, related_name="drafts")
    post = models.ForeignKey(Post, models.PROTECT)  # the post from which it is raised
    answers = models.JSONField(default=dict)  # one key a question
    begun_at = models.DateTimeField(auto_now_add=True)
    saved_at = models.DateTimeField(auto_now=True)
    reminded_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-saved_at"]

    def __str__(self) -> str:
        return f"draft of {self.begun_at:%d %B %Y}"


class DraftReader(Row):
    """A colleague consulted on a draft (23.12): may read it until it is sent."""

    draft = models.ForeignKey(Draft, models.CASCADE, related_name="readers")
    person = models.ForeignKey(User, models.PROTECT)

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["draft", "person"], name="one_reader_a_draft")]

    def __str__(self) -> str:
        return str(self.person)
