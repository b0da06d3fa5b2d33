"""Guards of the house: what no single test of a room would notice when it changes."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django_fsm
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from disputes.models import Disagreement
from escalation import mails as mails_module
from escalation import notices
from tests import factories
from tests.sameness import same

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("accounts", "audit", "config", "demo", "disputes", "escalation", "evidence", "learning", "pages", "procedure")
MODULES = sorted(
    path
    for room in ROOMS
    for path in (ROOT / room).rglob("*.py")
    if "migrations" not in path.parts and path.read_text(encoding="utf-8").strip()  # an empty __init__.py needs no reason
)
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*") if path.is_file())


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


# ── modules ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_imports_run_down_only() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "0 broken" in ran.stdout


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_opens_with_why_it_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    doc = ast.get_docstring(ast.parse(text))
    assert doc, "no first line"
    assert text.startswith('"""')


def test_nothing_is_called_after_nothing() -> None:
    """A name that says nothing collects everything."""
    empty_words = {"utils", "util", "helpers", "common", "core", "services", "mixins", "constants", "misc", "base", "tools"}
    files = [*MODULES, *(ROOT / "tests").rglob("*.py")]
    assert [name_of(path) for path in files if {path.stem, *path.relative_to(ROOT).parts} & empty_words] == []


def test_the_state_machine_is_the_maintained_one() -> None:
    """F1: django-fsm-2 brings the module django_fsm; with the original installed beside it, either might be imported."""
    assert "django-fsm-2" in {dist.metadata["Name"].lower() for dist in importlib.metadata.distributions()}
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.distribution("django-fsm")
    assert django_fsm.__file__


@pytest.mark.django_db
def test_refreshing_unprotects_nothing() -> None:
    """F2: the library's own refresh once switched the protection off for the whole class."""
    w = factories.world()
    d = factories.raised(w)
    with factories.acting_as(w.aisha):
        d.refresh_from_db()
        d.refresh_from_db(fields=["stage"])
    assert Disagreement._meta.get_field("stage").protected  # type: ignore[union-attr]
    with pytest.raises(AttributeError):
        d.stage = "resolved"


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


# ── the one door ────────────────────────────────────────────────────────────────────────────────────────────────────

DOOR = {f"escalation/{name}.py" for name in ("moves", "effects", "seating", "clocks")}
OWED = {
    "escalation/notices.py",
    "escalation/models.py",
    "escalation/tasks.py",
    "escalation/sending.py",
    "escalation/management/commands/bounced.py",
    "escalation/issues.py",
    "escalation/mediation_pages.py",
    "learning/tasks.py",
}  # notices, written and stamped beside the door
WRITTEN_BY_THE_DOOR = {
    *("Disagreement", "Entry", "Text", "Seat", "Side", "Child", "ChildReference", "Agreement", "Confirmation", "OutstandingIssue"),
    *("Clock", "Notice", "Exclusion", "AllowedMove"),
}
WRITES = {"create", "bulk_create", "get_or_create", "update_or_create", "update", "delete", "bulk_update", "save", "_raw_delete"}
STATE = {
    *("stage", "step", "returns_to", "awaiting", "mediation", "move_version", "ended_at", "raised_at", "at_immediate_risk"),
    *("matched", "tried_first", "limit_reached", "chased", "still_at_risk", "agreed_to_differ", "closing_answered", "positions_only"),
}

WRITING_SQL = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM|TRUNCATE)\s+(disputes|escalation)_")


def root_name(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def writes_of(tree: ast.Module) -> Iterator[str]:
    """Every assignment to the state, every row made or changed, every statement in SQL that writes."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        for part in (part for target in targets for part in ast.walk(target)):
            if isinstance(part, ast.Attribute) and part.attr in STATE:
                yield f"line {part.lineno}: sets .{part.attr}"
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in WRITTEN_BY_THE_DOOR:
                yield f"line {node.lineno}: makes {node.func.id}"
            elif isinstance(node.func, ast.Attribute) and node.func.attr in WRITES and root_name(node.func) in WRITTEN_BY_THE_DOOR:
                yield f"line {node.lineno}: {node.func.attr} of {root_name(node.func)}"
            elif isinstance(node.func, ast.Name) and node.func.id == "setattr":
                yield f"line {node.lineno}: setattr"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and WRITING_SQL.search(node.value):
            yield f"line {node.lineno}: SQL that writes"


def test_nobody_writes_around_the_door() -> None:
    found = {}
    for path in MODULES:
        if name_of(path) in DOOR | OWED | {"disputes/disagreement.py"}:
            continue
        if written := list(writes_of(ast.parse(path.read_text(encoding="utf-8")))):
            found[name_of(path)] = written
    assert found == {}


def test_beside_the_door_only_notices_are_written() -> None:
    for name in OWED:
        for written in writes_of(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            assert re.search("Notice|SQL that writes", written), f"{name} {written}"


def test_this_guard_sees_what_it_is_for() -> None:
    seen = list(writes_of(ast.parse("d.stage = 1\nSeat.objects.create()\nEntry(x=1)\nDisagreement.objects.filter(a=1).update(b=2)\n")))
    assert len(seen) == 4
    assert len(list(writes_of(ast.parse((ROOT / "escalation/moves.py").read_text(encoding="utf-8"))))) > 5


def test_only_the_door_makes_moves_and_only_views_demo_and_tasks_knock() -> None:
    """`make`, `raise_disagreement`, `reach_limit` are called from above; a transition is called by the door alone."""
    moves = set(Disagreement.move_names()) - {"send", "exclude"}  # which mails and stories are, too, and what every query can
    found = []
    for path in MODULES:
        if name_of(path) in DOOR or path.is_relative_to(ROOT / "demo"):  # the storyteller calls its own sentences so
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in moves):
                continue
            whose = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
            if (name_of(path), whose) == ("accounts/organisation_tokens.py", "self"):
                continue  # its redirect sends a browser on to an organisation's sign-in
            if whose not in ("moves", "invitations"):  # accounts.invitations speaks of the same acts, about accounts
                found.append(f"{name_of(path)} line {node.lineno}: {whose}.{node.func.attr}()")
    assert found == []


# ── mails and templates ─────────────────────────────────────────────────────────────────────────────────────────────


def test_every_rule_has_its_mail_and_every_mail_its_rule() -> None:
    mails = {path.name for path in (ROOT / "templates/emails").iterdir() if path.is_file()}
    owed = {f"{rule}.txt" for rule in notices.RULES} | {f"{rule}_subject.txt" for rule in notices.RULES}
    owed |= {f"{name}{part}.txt" for name in mails_module.OTHERS for part in ("", "_subject")}
    assert owed - mails == set()
    included = {name for path in TEMPLATES for name in re.findall(r'emails/(\w+\.txt)"', path.read_text(encoding="utf-8"))}
    assert mails - owed - included == set()


def test_no_template_is_unused() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in [*MODULES, *TEMPLATES] if path.suffix in (".py", ".html", ".txt"))
    named_by_django = {"400.html", "403.html", "403_csrf.html", "404.html", "500.html"}
    unused = []
    for path in TEMPLATES:
        name = str(path.relative_to(ROOT / "templates"))
        if name in named_by_django or name.startswith(("django/", "emails/")):
            continue
        built = f"{path.parent.relative_to(ROOT / 'templates')}/{{"  # f"escalation/moves/{…}.html"
        if name not in sources and not (built in sources and re.search(rf"\b{re.escape(path.stem)}\b", sources)):
            unused.append(name)
    assert unused == []


# ── addresses ───────────────────────────────────────────────────────────────────────────────────────────────────────

PUBLIC = {
    "": "start",  # sends on to the desk or to signing in
    "sign-in/": "sign-in",
    "accessibility/": "accessibility",
    "privacy/": "privacy",
    "how-to-disagree/": "how-to-disagree",
    "how-to-disagree/<slug:slug>/": "how-to-disagree-in",
    "health/live": "live",
    "health/ready": "ready",
    ".well-known/security.txt": "security-txt",
    "csp-report/": "csp-report",
    "sign-in/second-factor/": "mfa_authenticate",
    "password/forgotten/": "forgotten",
    "password/new/<str:who>/<str:token>/": "new-password",
    "invitation/<str:key>/": "invitation",
    "organisation/<slug:provider_id>/login/": "openid_connect_login",
    "organisation/<slug:provider_id>/login/callback/": "openid_connect_callback",
    "session/": "session-left",
    "session/extend/": "session-extend",
    "session/keep/": "session-keep",
    "session/forget/": "session-forget",
}
CLOSED = 118  # an address more or less: say here that it was meant


def addresses(patterns: list[Any] | None = None, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        else:
            yield route, pattern


def test_which_addresses_there_are() -> None:
    found = dict(addresses())
    assert {route: found[route].name for route in PUBLIC if route in found} == PUBLIC
    assert len(found) - len(PUBLIC) == CLOSED, sorted(set(found) - set(PUBLIC))


def filled(route: str, reference: str) -> str:
    """The address with a disagreement's reference, and something believable for the rest."""
    path = (
        route.replace("<slug:reference>", reference)
        .replace("<slug:slug>", "withdraw")
        .replace("<slug:kind>", "raising")
        .replace("<int:number>", "1")
        .replace("<int:level>", "1")
        .replace("<int:pk>", "1")
        .replace("<slug:period>", "2026-27-q1")
        .replace("<slug:table>", "flow")
    )
    path = re.sub("<uuid:[a-z_]+>", str(uuid.uuid4()), path)
    assert "<" not in path, f"say what stands for the parts of {route}"
    return f"/{path}"


@pytest.mark.django_db
def test_every_other_address_is_closed_to_those_who_have_not_signed_in(client: Client) -> None:
    reference = factories.raised(factories.world()).reference
    tried = 0
    for route in dict(addresses()):  # each once, whatever names it has
        if route in PUBLIC:
            continue
        for method in ("get", "post", "head", "put", "delete", "options"):
            answer = getattr(client, method)(filled(route, reference))
            assert answer.status_code == 302, (method, route)
            assert answer["Location"].startswith("/sign-in/"), (method, route)
            tried += 1
    assert tried == CLOSED * 6


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["stranger", "hal", "office", "chair", "nell", "rep"])
def test_hidden_and_absent_look_the_same(who: str, client: Client) -> None:
    w = factories.world()
    reference = factories.raised(w).reference
    client.force_login(w.person(who))
    compared = 0
    for route, _pattern in addresses():
        if "<slug:reference>" not in route:
            continue
        for method in ("get", "post"):
            hidden, absent = (getattr(client, method)(filled(route, one)) for one in (reference, "ZZZZ-ZZZZ"))
            assert hidden.status_code == absent.status_code, (method, route)
            assert hidden.status_code in (404, 405), (method, route)
            assert same(hidden.content.decode()) == same(absent.content.decode()), (method, route)
            compared += 1
    assert compared >= 10


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["stranger", "hal", "office", "chair", "nell", "rep"])
def test_no_page_tells_a_stranger_that_a_disagreement_exists(who: str, client: Client) -> None:
    w = factories.world()
    reference = factories.raised(w).reference
    client.force_login(w.person(who))
    for route, _pattern in addresses():
        if "<" in route:
            continue
        answer = client.get(f"/{route}")
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert reference.encode() not in body, route
        assert b"Ash (" not in body, route
