"""Temporary: pictures."""
import datetime as dt, pathlib, re
import pytest
from django.utils import timezone
from accounts.acting import acting_as
from escalation import tasks
from escalation.models import Notice
from tests import factories
from tests.factories import move
from tests.escalation.test_times_on_screen import rich_policy, told, typed, raise_with, parts, url, answers
pytestmark = pytest.mark.django_db
OUT = pathlib.Path("/tmp/uishots")

def save(client, path, name, post=None):
    OUT.mkdir(exist_ok=True)
    a = client.post(path, post) if post is not None else client.get(path)
    assert a.status_code in (200, 409), (path, a.status_code)
    html = a.content.decode()
    html = re.sub(r'(href|src)="/static/([^"]+)"', lambda m: f'{m[1]}="{m[2]}"', html)
    (OUT / f"{name}.html").write_text(html)

def test_shots(client, as_clock):
    w = factories.world(policy_text=rich_policy())
    at = timezone.now() + dt.timedelta(days=9)
    d = factories.raised(w, told_at=told(2), disputed_act_at=at.isoformat(), needed_by=(at - dt.timedelta(days=1)).isoformat())
    with as_clock():
        tasks.notice_due_clocks(timezone.now())
    move(d, "match_child", w.sam)
    client.force_login(w.sam)
    p = f"/disagreements/{d.reference}/"
    save(client, p, "page_sam")
    save(client, p + "hold-meeting/", "meeting", None)
    save(client, p + "name-disputed-act/", "act")
    client.force_login(w.aisha)
    save(client, p + "pause-clock/", "pause")
    html = client.get(p + "hold-meeting/").content.decode()
    hid = dict(re.findall(r'name="(seen|key)" value="([^"]*)"', html))
    save(client, p + "hold-meeting/", "meeting_wrong", {**hid, "attended": "Aisha, Sam", "said": "We talked", "child_safe": "yes", **typed("happened_at", timezone.now() - dt.timedelta(days=6))})
    with factories.as_set_up():
        Notice.objects.filter(disagreement=d, rule="your_move").update(failed_at=timezone.now())
    e = factories.raised(w)
    with factories.as_set_up():
        Notice.objects.filter(disagreement=e, rule="your_move").update(failed_at=timezone.now())
    save(client, f"/disagreements/{e.reference}/", "page_aisha")
    save(client, "/desk/", "desk_aisha")
    client.force_login(w.aisha)
    now = timezone.now()
    draft = raise_with(client, w, what=parts("disputed_act_at", at) | parts("decided_on", now - dt.timedelta(days=5), time=False), why={"track": "ordinary"}, who_there=parts("told_at", now - dt.timedelta(hours=5)))
    for slug in ("what", "why", "who-there", "check"):
        save(client, url(draft, slug), f"raise_{slug}")
    a = client.post(url(draft, "check"))
    save(client, a.url, "raise_sent")
    client.logout()
    save(client, "/how-to-disagree/", "public")
