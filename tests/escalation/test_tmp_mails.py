import pytest
from django.utils import timezone
from accounts.acting import acting_as
from escalation import mails
from escalation.models import Notice
from tests import factories
pytestmark = pytest.mark.django_db
def test_print():
    w = factories.world(); d = factories.session_fixed(w)
    factories.move(d, "cancel_session", w.chair, reason="Snow")
    with factories.as_set_up():
        found = list(Notice.objects.filter(disagreement=d, rule__in=["session_fixed","session_cancelled"]).select_related("entry","person","partnership"))
    seen=set()
    with acting_as(w.chair):
        for n in found:
            if n.rule in seen: continue
            seen.add(n.rule); n.disagreement = factories.fresh(d.pk)
            m = mails.letter(n, timezone.now()); print("=====", m.subject); print(m.body)
            if n.rule=="session_fixed": print(m.attachments[0].get_payload(decode=True).decode())
