"""What pages of learning say beside things: how long ago, whether that is too long, and which rooms of learning are open to somebody."""

from django import template

from accounts.models import User
from learning import rooms, waiting
from learning.membership import learner_of

register = template.Library()
register.filter("ago", waiting.ago)
register.filter("waits_too_long", waiting.is_too_long)


@register.simple_tag
def learning_rooms(person: User) -> list[tuple[str, object]]:
    """(address, text) of each room that is open to this person."""
    return rooms.open_to(learner_of(person))
