"""Signing in by e-mail address and password, signing out, and how often one gets mail."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.decorators import login_not_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts.forms import MailChoice, SignIn
from accounts.models import Partnership, User

LONGEST_WAY_ON = 1000


@login_not_required
def start(request: HttpRequest) -> HttpResponse:
    """The address itself: to the desk, or to the way in."""
    return redirect("/desk/" if request.user.is_authenticated else "sign-in")


@login_not_required
@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Asks who they are. A wrong answer gets the same sentence whether or not there is such a person; the trail hears of it
    (audit.apps, for this room knows nothing of that one)."""
    wanted = _safe_way_on(request)
    if request.user.is_authenticated and request.method != "POST":
        return HttpResponseRedirect(wanted or settings.LOGIN_REDIRECT_URL)
    form = SignIn(request.POST or None)
    if request.method == "POST" and form.is_valid():
        person = authenticate(request, username=form.cleaned_data["email"], password=form.cleaned_data["password"])
        if isinstance(person, User):
            person.skip_history_when_saving = True  # type: ignore[attr-defined]  # the time of a sign-in is no change of the person
            login(request, person)
            request.session["partnership_name"], request.session["is_demo"] = _own_partnership(person)
            type(request.session).clear_expired()  # what somebody looked for and left behind goes with their session
            return HttpResponseRedirect(wanted or settings.LOGIN_REDIRECT_URL)
        form.add_error(None, _("We do not know this email address and password together. Check both and try again."))
    page = {"form": form, "next": wanted, **_before_anyone_signed_in()}
    return render(request, "accounts/sign_in.html", page)


def _before_anyone_signed_in() -> dict[str, object]:
    """The partnership in the header, where there is only one, and the people of a demonstration."""
    people = demo_people()
    page: dict[str, object] = {"demo_people": people, "is_demo": bool(people)}
    if people:
        page["demo_password"] = settings.ACCORD_DEMO_PASSWORD
    names = list(Partnership.objects.values_list("name", flat=True)[:2])
    if len(names) == 1 and not settings.ACCORD_PARTNERSHIP:
        page["partnership_name"] = names[0]
    return page


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends it, and lets the browser keep nothing of it. Not the cookies: theirs would be those of the whole council's domain."""
    logout(request)
    answer = redirect("sign-in")
    answer["Clear-Site-Data"] = '"cache", "storage"'
    return answer


def mail_choice(request: HttpRequest) -> HttpResponse:
    """Each person's own choice, kept beside who they are: it is no version of the person, so no history is written of it."""
    person = request.user
    assert isinstance(person, User)  # noqa: S101 - the middleware lets nobody else in
    form = MailChoice(request.POST if request.method == "POST" else None, initial={"mail": person.mail})
    if request.method == "POST" and form.is_valid():
        User.objects.filter(pk=person.pk).update(mail=form.cleaned_data["mail"])
        messages.success(request, _("Your choice counts from now on."))
        return redirect("/desk/")
    return render(request, "accounts/mail.html", {"form": form})


def _safe_way_on(request: HttpRequest) -> str:
    """The page they wanted, if it is one of ours: a path, and no longer than any of them."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe and wanted.startswith("/") and len(wanted) <= LONGEST_WAY_ON else ""


def _own_partnership(person: User) -> tuple[str, bool]:
    """What the header says: the partnership's name (empty for somebody who works in several), and whether it is a demonstration."""
    served = Partnership.objects.filter(appointments__person=person)
    worked_in = Partnership.objects.filter(agencies__teams__posts__holder=person)
    own = list(Partnership.objects.filter(Q(pk__in=served.values("pk")) | Q(pk__in=worked_in.values("pk"))))
    return own[0].name if len(own) == 1 else "", any(partnership.is_demo for partnership in own)


def demo_people() -> list[tuple[str, str, str, str]]:
    """Name, address, role and agency of whom one may sign in as, one for each role; nobody where there is no demonstration."""
    if not Partnership.objects.filter(is_demo=True).exists():
        return []
    return [(shown.name, shown.email, shown.role, shown.agency) for shown in import_string(settings.ACCORD_DEMO_PEOPLE)]
