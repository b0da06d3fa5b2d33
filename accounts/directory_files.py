"""The pages on which a directory comes in as a file and goes out as one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms as django_forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from accounts import directory_csv, directory_import
from accounts.directory import Directory, Refused, directory_of
from accounts.directory_csv import MOST_MISTAKES, TEMPLATE, Mistake
from accounts.directory_import import Plan
from accounts.directory_views import page
from accounts.second_factor import fresh_second_factor
from pages import fields, forms
from pages.kept import posted
from pages.limits import MEGABYTE, takes_files

LARGEST = 512 * 1024  # bytes: more than so many lines
MOST_SHOWN = 200  # of one kind in a preview


class CsvField(fields.WordsField):
    """A directory as text; what cannot stand in it is said line by line."""

    called = gettext_lazy("The directory")
    allowed_controls = "".join(chr(code) for code in (*range(1, 32), *range(127, 160)))

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=LARGEST, strip=False, **options)
        self.said_limit = None


class FileField(fields.Asked, django_forms.FileField):
    """A file to choose."""


class CsvForm(forms.Form):
    """A file, or the text itself; a file wins. `plan` or `mistakes` stand here after checking."""

    file = FileField(
        label=gettext_lazy("Upload a CSV file"),
        help_text=gettext_lazy("Saved as “CSV UTF-8” from a spreadsheet, up to 512 KB"),
        required=False,
    )
    text = CsvField(
        label=gettext_lazy("Or paste it here"),
        help_text=gettext_lazy("The first line names the columns. You may also paste cells straight from a spreadsheet."),
        rows=12,
        required=False,
    )

    def __init__(self, *args: Any, found: Directory, **options: Any) -> None:
        super().__init__(*args, **options)
        self.found = found
        self.plan: Plan | None = None
        self.mistakes: list[Mistake] = []
        if self.is_bound:
            self.data: Any = self.data.copy()  # type: ignore[attr-defined]  # the text of a file is put into the box, to be mended there
        self.fields["text"].widget.attrs |= {"spellcheck": "false", "autocapitalize": "off", "wrap": "off", "class": "accord-code"}

    def clean_file(self) -> str:
        file = self.cleaned_data["file"]
        if not file:
            return ""
        if file.size > LARGEST:
            raise ValidationError(_("The file is larger than 512 KB. Split it, or check that it is the right file."))
        try:
            text: str = file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValidationError(_("The file is not text in UTF-8. In your spreadsheet choose “Save as”, “CSV UTF-8”.")) from None
        if "\0" in text:
            raise ValidationError(_("The file is not text. In your spreadsheet choose “Save as”, “CSV UTF-8”."))
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if "file" in self.errors:
            return found
        if found.get("file"):
            self.data["text"] = found["text"] = found["file"]
            self.errors.pop("text", None)
        elif "text" in self.errors:
            return found
        if not (found.get("text") or "").strip():
            self.add_error("file", _("Choose a file, or paste the directory below"))
            return found
        self._read(found["text"])
        return found

    def _read(self, text: str) -> None:
        plan = directory_import.plan(self.found, directory_csv.read(text))
        if plan.mistakes:
            self.mistakes = plan.mistakes
            many = len(plan.mistakes)
            said = ngettext("There is %(many)d mistake. Nothing was changed.", "There are %(many)d mistakes. Nothing was changed.", many)
            self.add_error("text", said % {"many": many})
        else:
            self.plan = plan


@takes_files(up_to=10 * MEGABYTE)
@page
@fresh_second_factor
def import_file(request: HttpRequest, agency_id: UUID) -> HttpResponse:
    """The file with its mistakes; then what it would do; then, confirmed, done. Nothing is kept before that."""
    found = directory_of(request, agency_id)
    if request.method != "POST":
        return _ask(request, found, CsvForm(posted(request), found=found))
    if request.POST.get("do") == "mend":
        return _ask(request, found, CsvForm(found=found, initial={"text": request.POST.get("text", "")}))
    is_apply = request.POST.get("do") == "apply"
    form = CsvForm(request.POST, request.FILES if not is_apply else None, found=found)
    if not form.is_valid() or form.plan is None:
        return _ask(request, found, form)
    if not is_apply or request.POST.get("seen") != form.plan.mark:
        if is_apply:
            messages.warning(request, _("The directory was changed since you looked. This is what would happen now."))
        return _show(request, found, form)
    try:
        directory_import.apply(form.plan, found.person)
    except Refused as why:
        form.add_error("text", str(why))
        return _ask(request, found, form)
    messages.success(request, _said_done(form.plan))
    return redirect("directory-agency", found.agency.pk)


def _ask(request: HttpRequest, found: Directory, form: CsvForm) -> HttpResponse:
    context = {
        "found": found,
        "form": form,
        "mistakes": form.mistakes[:MOST_MISTAKES],
        "more_mistakes": max(0, len(form.mistakes) - MOST_MISTAKES),
        "columns": ", ".join(directory_csv.COLUMNS),
    }
    return render(request, "directory/import.html", context)


def _show(request: HttpRequest, found: Directory, form: CsvForm) -> HttpResponse:
    plan = form.plan
    assert plan is not None  # noqa: S101 - a form with mistakes is shown again
    groups = [
        (_("New teams"), "", [(team.name or str(found.agency), "") for team in plan.new_teams]),
        (_("New people"), _("They cannot sign in until you invite each of them."), [(one.name, one.email) for one in plan.new_people]),
        (
            _("New posts"),
            "",
            [
                (f"{post.title}, {post.team.name or found.agency}", post.holder.name if post.holder else _("vacant"))
                for post in plan.new_posts
            ],
        ),
        (
            _("Posts that change"),
            _("Who holds a post from now on takes over what is open at it."),
            [
                (
                    f"{one.post.title}, {one.post.team.name or found.agency}",
                    "; ".join(f"{what}: {old} → {new}" for what, old, new in one.differences),
                )
                for one in plan.changed_posts
            ],
        ),
        (_("Names that change"), "", [(before, f"→ {person.name}") for person, before in plan.renamed]),
    ]
    missing = [
        (_("People who are not in the file"), [(one.name, one.email, f"/directory/people/{one.pk}/") for one in plan.people_missing]),
        (
            _("Posts that are not in the file"),
            [
                (
                    f"{post.title}, {post.team.name or found.agency}",
                    post.holder.name if post.holder else _("vacant"),
                    f"/directory/posts/{post.pk}/",
                )
                for post in plan.posts_missing
            ],
        ),
    ]
    context = {
        "found": found,
        "form": form,
        "plan": plan,
        "text": form.data["text"],
        "groups": [(title, said, rows[:MOST_SHOWN], len(rows)) for title, said, rows in groups if rows],
        "missing": [(title, rows[:MOST_SHOWN], len(rows)) for title, rows in missing if rows],
        "most": MOST_SHOWN,
    }
    return render(request, "directory/preview.html", context)


def _said_done(plan: Plan) -> str:
    people = len(plan.new_people)
    said = ngettext("%(number)d change was made.", "%(number)d changes were made.", plan.changes) % {"number": plan.changes}
    if people:
        said += " " + ngettext("Invite the new person from their page.", "Invite the new people from their pages.", people)
    return said


@require_safe
def template(request: HttpRequest, agency_id: UUID) -> HttpResponse:
    """An empty file to fill in, with three lines that show how."""
    directory_of(request, agency_id)
    return _as_file(directory_csv.write(TEMPLATE), "directory-template.csv")


@require_safe
def export(request: HttpRequest, agency_id: UUID) -> HttpResponse:
    """The directory of now, as an import reads it."""
    found = directory_of(request, agency_id)
    return _as_file(directory_csv.write(directory_import.export_rows(found)), "directory.csv")


def _as_file(text: str, name: str) -> HttpResponse:
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
