"""Takes the pictures in docs/screenshots/ from a running `make run`: `.venv/bin/python docs/take_screenshots.py [address]`."""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
TARGET = Path(__file__).parent / "screenshots"
PASSWORD = os.environ.get("ACCORD_DEMO_PASSWORD", "northshire-demo-1")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def sign_in(page: Page, email: str) -> None:
    page.goto(f"{ADDRESS}/sign-in/")
    page.locator("#id_email").fill(email)
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).first.click()


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for width, height in ((1280, 960), (375, 812)):
            page = browser.new_context(viewport={"width": width, "height": height}).new_page()
            sign_in(page, "mona.lewis@northshire.example")
            page.screenshot(path=TARGET / f"desk-{width}.png")
            page.locator(".accord-desk__row a").first.click()
            page.goto(page.url.rsplit("/", 2)[0] + "/" if page.url.count("/") > 5 else page.url)
            page.screenshot(path=TARGET / f"disagreement-{width}.png")
            page.goto(f"{ADDRESS}/how-to-disagree/")
            page.screenshot(path=TARGET / f"how-to-disagree-{width}.png")
        browser.close()


if __name__ == "__main__":
    main()
