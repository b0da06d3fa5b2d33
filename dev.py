#!/usr/bin/env python3
"""Everything one does with a checkout: setup, run, test, check, demo, long, clean. Needs only Python 3.11 or newer."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VAR = ROOT / "var"
ASSETS = VAR / "assets"
STAMPS = VAR / "stamps"
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
PORT = int(os.environ.get("PORT") or 8000)


def main(arguments: Sequence[str]) -> int:
    commands = {
        "setup": setup,
        "run": run,
        "test": test,
        "check": check,
        "demo": demo,
        "long": long,
        "clean": clean,
    }
    name, *extra = [*arguments, ""][: len(arguments) or 1]
    if name not in commands:
        print(f"usage: python3 dev.py {'|'.join(commands)} [more arguments]")
        return 2
    os.chdir(ROOT)
    os.umask(0o022)
    return commands[name](extra) or 0


# ── The commands ────────────────────────────────────────────────────────────────────────────────────────────────────


def setup(extra: Sequence[str] = ()) -> int:
    """Environment, assets and database, without a server."""
    prepare()
    return call(PYTHON, "manage.py", "migrate", "--verbosity", "0")


def prepare() -> None:
    """Python packages, front-end packages, style sheet. What is up to date is left alone."""
    if sys.version_info < (3, 11):
        sys.exit(f"Accord needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    for directory in (ASSETS, STAMPS, VAR / "static", VAR / "mail", VAR / "cache"):
        directory.mkdir(parents=True, exist_ok=True)
    install_python_packages()
    install_front_end_packages()
    build_assets()


def run(extra: Sequence[str] = ()) -> int:
    """Accord on this machine, with a demonstration partnership on the first run. Ctrl-C stops all of it."""
    stop_if_port_is_taken()
    prepare()
    return again_inside_the_venv("run") if not inside_the_venv() else serve()


def test(extra: Sequence[str] = ()) -> int:
    """The tests. Arguments go to pytest: `make test ARGS="tests/procedure -k clock"`."""
    prepare()
    workers = [] if any(argument.startswith("-n") for argument in extra) else ["-n", "2"]
    return call(PYTHON, "-m", "pytest", *workers, *extra)


def long(extra: Sequence[str] = ()) -> int:
    """The tests that take minutes."""
    prepare()
    return call(PYTHON, "-m", "pytest", "-m", "long", *extra)


def demo(extra: Sequence[str] = ()) -> int:
    """Put the demonstration partnership back to its beginning: everything in the database we brought ourselves is lost."""
    prepare()
    if not inside_the_venv():
        return again_inside_the_venv("demo", *extra)
    sys.path.insert(0, str(ROOT))
    from config import database, embedded

    if not database.is_embedded():
        sys.exit("DATABASE_URL names a server: `make demo` only resets the database that Accord brings itself.")
    database.make_ready()
    with embedded.superuser(database.data_dir()) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{database.name()}" WITH (FORCE)')
    embedded.create_database(database.data_dir(), database.name())
    return call(PYTHON, "manage.py", "migrate", "--verbosity", "0") or call(PYTHON, "manage.py", "demo", *extra)


def check(extra: Sequence[str] = ()) -> int:
    """Everything that can be said about the code without running it. All checks run, even after one has failed."""
    prepare()
    checks = {
        "ruff check": [PYTHON, "-m", "ruff", "check", "."],
        "ruff format": [PYTHON, "-m", "ruff", "format", "--check", "."],
        "mypy": [PYTHON, "-m", "mypy"],
        "djlint": [BIN / "djlint", "templates", "--lint", "--quiet"],
        "import directions": [BIN / "lint-imports", "--cache-dir", VAR / "cache/import-linter"],
        "migrations": [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
        "django": [PYTHON, "manage.py", "check", "--fail-level", "WARNING"],
        "django, live": [PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
    }
    failed = []
    for name, command in checks.items():
        if name == "djlint" and not (ROOT / "templates").is_dir():
            continue
        print(f"── {name}", flush=True)
        if call(*command, env=LIVE_FOR_CHECKS if name == "django, live" else None):
            failed.append(name)
    print(f"── failed: {', '.join(failed)}" if failed else "── all checks passed")
    return 1 if failed else 0


def clean(extra: Sequence[str] = ()) -> int:
    """Remove everything this program made, the local database with its demonstration included."""
    for directory in (VENV, ROOT / "node_modules", VAR):
        shutil.rmtree(directory, ignore_errors=True)
    return 0


# Enough for `check --deploy` to look at the settings as they are in service.
LIVE_FOR_CHECKS = {
    "ACCORD_LIVE": "1",
    "SECRET_KEY": "only-for-looking-at-the-settings-" + "x9Qv7" * 8,
    "ACCORD_SECRETS_KEY": "only-for-looking-at-the-settings-too-" + "p4Zw2" * 8,
    "DATABASE_URL": "postgres://accord_app@db.invalid/accord",
    "ALLOWED_HOSTS": "accord.invalid",
    "SITE_URL": "https://accord.invalid",
    "EMAIL_URL": "smtp://mail.invalid:25",
    "DEFAULT_FROM_EMAIL": "accord@accord.invalid",
}


# ── Setting up ──────────────────────────────────────────────────────────────────────────────────────────────────────


def install_python_packages() -> None:
    wanted = ROOT / "requirements-dev.txt"
    stamp = Stamp("python", [wanted])
    if stamp.holds() and PYTHON.exists():
        return
    say("Installing the Python packages …")
    if not PYTHON.exists():
        call(sys.executable, "-m", "venv", VENV, check=True)
    uv = BIN / "uv"
    if not uv.exists():
        call(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv")
    trusting = {"UV_SYSTEM_CERTS": "1"}  # as pip does: an office network may sign for itself
    if uv.exists() and not call(uv, "pip", "install", "--quiet", "--python", PYTHON, "--require-hashes", "-r", wanted, env=trusting):
        stamp.put()
        return
    call(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", wanted, check=True)
    stamp.put()


def install_front_end_packages() -> None:
    stamp = Stamp("front-end", [ROOT / "package-lock.json"])
    if stamp.holds() and (ROOT / "node_modules").is_dir():
        return
    say("Installing the front-end packages …")
    npm = shutil.which("npm")
    if not npm:
        npm = str(BIN / "npm")
        if not Path(npm).exists():
            call(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
                 "-r", ROOT / "requirements-npm.txt", check=True)  # fmt: skip
    quiet = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    call(npm, "ci", *quiet, check=True, env=with_our_programs())
    stamp.put()


def build_assets() -> None:
    """var/assets: our style sheet, compiled, and of the design system what a browser fetches."""
    source = ROOT / "static/scss/accord.scss"
    if not source.exists():
        say("There is no static/scss/accord.scss yet: no style sheet is made.")
        return
    target = ASSETS / "accord.css"
    stamp = Stamp("assets with fonts", [*sorted(source.parent.rglob("*.scss")), ROOT / "package-lock.json"])
    if stamp.holds() and target.exists():
        return
    say("Compiling the style sheet …")
    sass = ROOT / "node_modules/.bin/sass"
    flags = ["--load-path=node_modules", "--no-source-map", "--style=compressed", "--quiet-deps"]
    call(sass, *flags, source, target, check=True, env=with_our_programs())
    script = (ROOT / "node_modules/govuk-frontend/dist/govuk/govuk-frontend.min.js").read_text(encoding="utf-8")
    lines = [line for line in script.splitlines() if not line.startswith("//# sourceMappingURL=")]
    (ASSETS / "govuk-frontend.min.js").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (ASSETS / "fonts").mkdir(exist_ok=True)  # what documents are set in, alike on every machine
    for face in ("400Regular", "400Regular_Italic", "700Bold"):
        shutil.copy(ROOT / f"node_modules/@expo-google-fonts/source-sans-3/{face}/SourceSans3_{face}.ttf", ASSETS / "fonts")
    stamp.put()


class Stamp:
    """Remembers of which state of its files something was made."""

    def __init__(self, name: str, files: Sequence[Path]) -> None:
        self.path = STAMPS / name
        digest = hashlib.sha256()
        for file in files:
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
        self.value = digest.hexdigest()

    def holds(self) -> bool:
        return self.path.exists() and self.path.read_text(encoding="utf-8") == self.value

    def put(self) -> None:
        self.path.write_text(self.value, encoding="utf-8")


# ── Running ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def serve() -> int:
    """Start the web and the relay, wait for Ctrl-C, stop both, then the database."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    sys.path.insert(0, str(ROOT))
    from config import database

    children: list[subprocess.Popen[bytes]] = []
    try:
        database.make_ready()  # held until this process ends: the database outlives the others
        call(PYTHON, "manage.py", "migrate", "--verbosity", "0", check=True)
        if database.is_embedded() and not holds_a_partnership():
            say("Writing the demonstration partnership …")
            call(PYTHON, "manage.py", "demo", check=True)
        children.append(start("web", "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{PORT}"))  # and gunicorn.conf.py
        children.append(start("relay", "manage.py", "relay"))
        wait_for_port(children[0])
        people = subprocess.run([PYTHON, "manage.py", "demo", "--people"], stdout=subprocess.PIPE, text=True, check=False)
        print(f"\nAccord is at http://127.0.0.1:{PORT}/  (Ctrl-C stops it)\n\n{people.stdout}", flush=True)
        while all(child.poll() is None for child in children):
            time.sleep(0.3)
        say("A part of Accord ended by itself; stopping the rest.")
        return 1
    except KeyboardInterrupt:
        return 0
    except subprocess.CalledProcessError:
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if children:
            with contextlib.suppress(OSError):  # the terminal may be gone
                print("\nStopping …", flush=True)
        stop(children)


def holds_a_partnership() -> bool:
    from config import database, embedded

    with embedded.superuser(database.data_dir(), database.name()) as connection:
        if connection.execute("SELECT to_regclass('accounts_partnership')").fetchone() == (None,):
            return False
        return connection.execute("SELECT EXISTS (SELECT FROM accounts_partnership)").fetchone() == (True,)


def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A child in a session of its own, so that Ctrl-C reaches only us; its lines are printed with its name in front."""
    ours = {"SITE_URL": f"http://127.0.0.1:{PORT}", "LOG_LEVEL": "WARNING"}  # unless said otherwise
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **{name: os.environ.get(name) or value for name, value in ours.items()}}
    child = subprocess.Popen(
        [str(PYTHON), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )

    def forward() -> None:
        assert child.stdout
        for line in child.stdout:
            print(f"{name}: {line.decode(errors='replace').rstrip()}", flush=True)

    threading.Thread(target=forward, daemon=True).start()
    return child


def stop(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    end = time.monotonic() + 10
    for child in children:
        try:
            child.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def stop_if_port_is_taken() -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            sys.exit(f"Port {PORT} is taken (is Accord already running?). Choose another: make run PORT={PORT + 1}")


def wait_for_port(child: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if child.poll() is not None or probe.connect_ex(("127.0.0.1", PORT)) == 0:
                return
        time.sleep(0.1)


# ── Calling ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def call(*command: str | Path, check: bool = False, env: dict[str, str] | None = None) -> int:
    """Run a command in the root of the checkout and return its exit code; with `check`, end when it fails."""
    code = subprocess.run([str(part) for part in command], cwd=ROOT, env={**os.environ, **(env or {})}, check=False).returncode
    if check and code:
        sys.exit(f"failed ({code}): {' '.join(str(part) for part in command)}")
    return code


def with_our_programs() -> dict[str, str]:
    """The environment of npm and sass: .venv on the path, where `node` lies when the machine has none."""
    return {
        "PATH": f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{BIN}",
        "npm_config_cache": str(VAR / "cache/npm"),  # a home that cannot be written is no hindrance
    }


def inside_the_venv() -> bool:
    return Path(sys.prefix).resolve() == VENV.resolve()


def again_inside_the_venv(*arguments: str) -> int:
    sys.stdout.flush()
    os.execv(PYTHON, [str(PYTHON), str(ROOT / "dev.py"), *arguments])


def say(what: str) -> None:
    print(what, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
