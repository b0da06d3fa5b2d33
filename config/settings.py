"""All settings. Each value comes from the environment or .env; the defaults are for trying Accord on one machine."""

from datetime import timedelta

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import database
from config.celery import SCHEDULE
from config.database import BASE_DIR, UNDER_TEST, env

# ── Where we are ────────────────────────────────────────────────────────────────────────────────────────────────────

LIVE = env.bool("ACCORD_LIVE", default=False)
if LIVE and (
    missing := [
        name
        for name in ("SECRET_KEY", "DATABASE_URL", "ALLOWED_HOSTS", "SITE_URL", "EMAIL_URL", "DEFAULT_FROM_EMAIL")
        if not env.str(name, default="")
    ]
):
    raise ImproperlyConfigured(f"ACCORD_LIVE is set, but these are not: {', '.join(missing)}. See .env.example.")

DEBUG = False if LIVE else env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="for-trying-on-one-machine-only-never-live-0123456789-abcdefghij")
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = [SITE_URL]
ACCORD_PARTNERSHIP = env.str("ACCORD_PARTNERSHIP", default="")  # the name in the header before anyone has signed in
ACCORD_DEMO_PASSWORD = env.str("ACCORD_DEMO_PASSWORD", default="northshire-demo-1")  # of demo people; the sign-in page shows it
ACCORD_DEMO_PEOPLE = "demo.people.SIGN_IN_AS"  # shown on the sign-in page of a demonstration

# ── What it is made of ──────────────────────────────────────────────────────────────────────────────────────────────

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.forms",
    "pgtrigger",
    "simple_history",
    "pages",
    "accounts",
    "procedure",
    "audit",
    "disputes",
    "escalation",
    "learning",
    "evidence",
    "demo",
]

MIDDLEWARE = [
    "pages.keeping.KeepNothing",  # first: what any other answers is not kept either
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.acting.ActingMiddleware",  # last: it opens the transaction in which the person acts
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "pages.context.partnership",
            ],
        },
    },
]
FORM_RENDERER = "pages.forms.Renderer"

# ── The database and the cache ──────────────────────────────────────────────────────────────────────────────────────

DATABASES = database.databases()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL, "KEY_PREFIX": "accord"}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}

# ── Who people are ──────────────────────────────────────────────────────────────────────────────────────────────────

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/desk/"
LOGOUT_REDIRECT_URL = "sign-in"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if UNDER_TEST:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_SAVE_EVERY_REQUEST = True  # the twelve hours count from the last page seen
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = LIVE
CSRF_COOKIE_SECURE = LIVE
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"

MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # nothing about a disagreement in a cookie

# ── What a browser may do ───────────────────────────────────────────────────────────────────────────────────────────

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        # The hash is of the one inline script of the page template: it says that JavaScript works.
        "script-src": [SELF, "'sha256-GUQ5ad8JK5KmEWmROf3LZd9ge94daqNvd8xy9YS1iDw='"],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = LIVE and env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^health/"]  # asked from the same machine, before any proxy
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if LIVE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = LIVE
SECURE_HSTS_PRELOAD = LIVE
if env.bool("BEHIND_PROXY", default=False):  # only when the proxy sets this header itself, whatever a client sends
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024  # too much text gets its error at the field, not a bare refusal
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

# ── Files a browser fetches ─────────────────────────────────────────────────────────────────────────────────────────

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var/static"
STATICFILES_DIRS = [BASE_DIR / "static", BASE_DIR / "var/assets"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if LIVE
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not LIVE

# ── Words and time ──────────────────────────────────────────────────────────────────────────────────────────────────

LANGUAGE_CODE = "en-gb"
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
TIME_ZONE = "Europe/London"
USE_TZ = True

# ── Mail ────────────────────────────────────────────────────────────────────────────────────────────────────────────

if env.str("EMAIL_URL", default=""):
    vars().update(env.email_url("EMAIL_URL"))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = BASE_DIR / "var/mail"
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Accord <accord@accord.example>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# ── Timed work ──────────────────────────────────────────────────────────────────────────────────────────────────────

CELERY_BROKER_URL = REDIS_URL or None
CELERY_BEAT_SCHEDULE = SCHEDULE
CELERY_BEAT_SCHEDULE_FILENAME = str(BASE_DIR / "var/celerybeat-schedule")
CELERY_TIMEZONE = TIME_ZONE
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 240  # below the visibility timeout, or a long task would be handed out twice
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_timeout": 15,
    "socket_connect_timeout": 5,
    "health_check_interval": 25,
}

# ── Logs ────────────────────────────────────────────────────────────────────────────────────────────────────────────

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"one-line": {"()": "config.logs.OneLine"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "one-line"},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "django.db.backends": {"handlers": ["nowhere"], "propagate": False},  # statements and their values
        "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "celery.app.trace": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},  # arguments and results
    },
}
LOGGING_CONFIG = "logging.config.dictConfig"
