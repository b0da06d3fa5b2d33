"""In a real browser: printing a page is kept in the trail, from the menu or by the link, with and without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests import factories
from tests.conftest import free_port, wait_until


@pytest.mark.usefixtures("committed_db")
def test_printing_is_kept(run_process: Callable[..., Any], browser: Any, superuser: Any) -> None:
    w = factories.world()
    path = f"/disagreements/{factories.raised(w).reference}/"
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    run_process("gunicorn", port=port, env={"SITE_URL": url})
    client = Client()
    client.force_login(w.sam)
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": client.session.session_key, "url": url}

    def printed() -> list[Any]:
        return superuser.execute("SELECT person_id, what FROM audit_trace WHERE kind = 'printed'").fetchall()

    with browser.new_context() as context:
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(url + path, wait_until="networkidle")
        page.pdf()  # as the browser's own menu does
        wait_until(lambda: len(printed()) == 1, what="the first printing noted")
        page.evaluate("() => { window.print = () => { window.dispatchEvent(new Event('beforeprint')) } }")
        page.click("a[data-print]")
        wait_until(lambda: len(printed()) == 2, what="the second printing noted")
        assert page.url == url + path
    with browser.new_context(java_script_enabled=False) as context:
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(url + path)
        page.click("a[data-print]")
        assert "Print this page with your browser" in page.inner_text("main")
    assert printed() == [(w.sam.pk, "disagreement")] * 3
