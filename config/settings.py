"""All settings. Each value comes from the environment or .env; the defaults are for trying Accord on one machine."""

import json
from datetime import timedelta

from csp.constants import NONCE, NONE, SELF, STRICT_DYNAMIC

from config import database, live, logs, organisations
from config.celery import SCHEDULE
from config.database import BASE_DIR, UNDER_TEST, env

# ── Where we are ────────────────────────────────────────────────────────────────────────────────────────────────────

LIVE = env.bool("ACCORD_LIVE", default=False)
DEBUG = False if LIVE else env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default=live.KEY_FOR_TRYING)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # keys of before: what they signed still holds
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = [SITE_URL]
if LIVE:
    live.refuse_what_is_for_trying(SECRET_KEY, SECRET_KEY_FALLBACKS, SITE_URL, ALLOWED_HOSTS)
SECURITY_CONTACT = env.str("SECURITY_CONTACT", default="")  # of /.well-known/security.txt: mailto:… or https://…
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
    "django.contrib.humanize",
    "pgtrigger",
    "simple_history",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
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
    "pages.answers.EveryAnswer",  # first: what any other answers passes here, too
    "django.middleware.security.SecurityMiddleware",
    "pages.limits.BodyLimit",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "pages.faults.FromHere",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.sessions.SessionLimits",  # ends what was idle too long, and keeps what was posted afterwards
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "accounts.second_factor.SecondFactorRequired",
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
                "accounts.sessions.on_every_page",
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
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # an address is known to be theirs: the invitation went there
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "accounts.adapters.OrganisationAdapter"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": organisations.apps(env.str("ACCORD_ORGANISATIONS", default=""), live=LIVE)}}
SOCIALACCOUNT_STORE_TOKENS = False  # they are used once, to ask who it is
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_LOGIN_ON_GET = False  # nobody is made to sign in by a link
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False  # by address only as accounts/organisation.py does it
MFA_ADAPTER = "accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_LOGIN_TIMEOUT = 600  # seconds from the password to the second factor
ACCOUNT_RATE_LIMITS: dict[str, str] | bool = False  # ours are rows, for the cache is disposable (accounts/limits.py)
MFA_RATE_LIMITS = ACCOUNT_RATE_LIMITS
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=1 if env.bool("BEHIND_PROXY", default=False) else 0)
# The first encrypts what second factors keep; those behind it still open, while a key is changed.
ACCORD_SECRETS_KEY = env.list("ACCORD_SECRETS_KEY", default=[] if LIVE else [SECRET_KEY])
PASSWORD_RESET_TIMEOUT = 3600

AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.NotOfThisPlace"},
]

ACCORD_IDLE_SECONDS = min(900, int(env.str("ACCORD_IDLE_SECONDS", default="") or 900))  # without doing anything; promise 11 allows no more
ACCORD_WARNING_SECONDS = min(120, ACCORD_IDLE_SECONDS // 2)  # so long before its end a page says so
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())  # from signing in, whatever is done (accounts.sessions)
SESSION_SAVE_EVERY_REQUEST = False  # two pages at once would write over each other; activity is noted every half minute
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"  # not Strict: links in mails and the way back from one's organisation (docs/decisions/0010)
SESSION_COOKIE_SECURE = LIVE
SESSION_COOKIE_NAME = "__Host-sessionid" if LIVE else "sessionid"  # the prefix holds over https only
CSRF_COOKIE_NAME = "__Host-csrftoken" if LIVE else "csrftoken"
CSRF_FAILURE_VIEW = "pages.faults.stale_form"
CSRF_COOKIE_SECURE = LIVE
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"

MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # nothing about a disagreement in a cookie

# ── What a browser may do ───────────────────────────────────────────────────────────────────────────────────────────

# The rest of what stands on every answer: pages/answers.py.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [NONCE, STRICT_DYNAMIC],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
        "report-uri": "/csp-report/",
        "report-to": "csp",
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"  # "no-referrer" would make every form's origin "null" (docs/decisions/0010)
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = LIVE and env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^health/"]  # asked from the same machine, before any proxy
SECURE_HSTS_SECONDS = int(timedelta(days=730).total_seconds()) if LIVE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = LIVE
SECURE_HSTS_PRELOAD = LIVE and env.bool("HSTS_PRELOAD", default=False)  # binds a whole domain for years: whoever owns it decides
SILENCED_SYSTEM_CHECKS = ["security.W021"]  # the line above
USE_X_FORWARDED_HOST = False
if env.bool("BEHIND_PROXY", default=False):  # only when the proxy sets this header itself, whatever a client sends
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # of a form without its files: beyond it comes the page 413.html
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 5
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o600
LARGEST_BODY = 10 * 1024 * 1024  # with files; where less is enough, the view says so (pages/limits.py)

# ── Files a browser fetches ─────────────────────────────────────────────────────────────────────────────────────────

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / env.str("STATIC_ROOT", default="var/static")
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
WHITENOISE_ALLOW_ALL_ORIGINS = False

# ── What is unusual ─────────────────────────────────────────────────────────────────────────────────────────────────

# Disagreements opened in an hour, by role. Above it an alarm goes to those who look after the reader's agency and partnership.
ACCORD_READING_LIMITS = {"practitioner": 15, "manager": 25, "chair": 40, "office": 40, "safeguarding_lead": 40, "auditor": 60}
ACCORD_READING_LIMITS |= json.loads(env.str("ACCORD_READING_LIMITS", default="") or "{}")

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

LOGGING = logs.configuration(live=LIVE, level=env.str("LOG_LEVEL", default="INFO"))
LOGGING_CONFIG = "logging.config.dictConfig"
