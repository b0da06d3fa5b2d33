"""What Accord asks of its settings before it serves real people. It does not start on what is meant for trying."""

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.database import env

KEY_FOR_TRYING = "for-trying-on-one-machine-only-never-live-0123456789-abcdefghij"
SHORTEST_KEY = 50
NEEDED = ("SECRET_KEY", "ACCORD_SECRETS_KEY", "DATABASE_URL", "ALLOWED_HOSTS", "SITE_URL", "EMAIL_URL", "DEFAULT_FROM_EMAIL")


def refuse_what_is_for_trying(key: str, keys_of_before: list[str], site: str, hosts: list[str]) -> None:
    """Raises ImproperlyConfigured, saying all that is wrong at once."""
    wrong = [f"{name} is not set" for name in NEEDED if not env.str(name, default="")]
    if env.str("SECRET_KEY", default="") and (KEY_FOR_TRYING in (key, *keys_of_before) or len(key) < SHORTEST_KEY or len(set(key)) < 5):
        wrong.append(f"SECRET_KEY is not a secret of at least {SHORTEST_KEY} random characters")
    for secret in env.list("ACCORD_SECRETS_KEY", default=[]):
        if secret in (key, *keys_of_before, KEY_FOR_TRYING) or len(secret) < SHORTEST_KEY or len(set(secret)) < 5:
            wrong.append(f"ACCORD_SECRETS_KEY is not a secret of its own of at least {SHORTEST_KEY} random characters")
    if env.bool("DEBUG", default=False):
        wrong.append("DEBUG is set")
    if env.str("ALLOWED_HOSTS", default="") and any("*" in host or host.startswith(".") or not host for host in hosts):
        wrong.append("ALLOWED_HOSTS must be exact names, without * and without a dot in front")
    if env.str("SITE_URL", default=""):
        if urlsplit(site).scheme != "https":
            wrong.append("SITE_URL must begin with https://")
        if urlsplit(site).hostname not in hosts:
            wrong.append("the host of SITE_URL is not among ALLOWED_HOSTS")
    if wrong:
        raise ImproperlyConfigured(f"ACCORD_LIVE is set, but {'; '.join(wrong)}. See .env.example.")
