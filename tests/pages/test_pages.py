"""What stands on every page, and the pages for when something is amiss."""

import re
from types import SimpleNamespace

import pytest
from django.core.paginator import Paginator
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory

from pages import context, fields, forms, views

pytestmark = pytest.mark.urls("pages.urls")  # the bottom room stands without the others

AISHA = SimpleNamespace(is_authenticated=True, name="Aisha Khan")


class OneQuestion(forms.Form):
    outcome = fields.WordsField(label="Outcome", empty="Enter the outcome you want for the child")


def page(path: str = "/desk/", name: str = "base.html", **given) -> str:
    request = RequestFactory().get(path)
    given = {"user": AISHA} | context.partnership(request) | given
    return render_to_string(name, given)


def written(source: str, **given) -> str:
    return Template("{% load pages %}" + source).render(Context(given))


def test_someone_signed_in_has_their_name_and_the_navigation():
    html = page()
    assert "Aisha Khan" in html
    assert all(f'href="{href}"' in html for href, _text, _rest in context.NAVIGATION)


def test_someone_not_signed_in_has_no_navigation():
    html = page(user=SimpleNamespace(is_authenticated=False))
    assert "accord-navigation" not in html
    assert "Sign out" not in html


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("/desk/", [("/desk/", "page")]),
        ("/disagreements/", [("/disagreements/", "page")]),
        ("/disagreements/K7PM-3XQD/", [("/disagreements/", "true")]),
        ("/disagreements/new/", [("/disagreements/new/", "page")]),
        ("/disagreements/new/3/", [("/disagreements/new/", "true")]),
        ("/elsewhere/", []),
    ],
)
def test_one_link_at_most_says_where_you_are(path, marked):
    assert [(link["href"], link["current"]) for link in context.navigation(path) if link["current"]] == marked


def test_the_partnership_one_signed_in_to_goes_before_the_one_of_the_settings(settings):
    settings.ACCORD_PARTNERSHIP = "Northshire"
    request = RequestFactory().get("/")
    assert context.partnership(request)["partnership_name"] == "Northshire"
    request.session = {"partnership_name": "Westmere"}
    assert context.partnership(request)["partnership_name"] == "Westmere"


def test_a_wrong_form_is_said_in_the_title_and_at_the_top():
    html = page(form=OneQuestion({}))
    assert "<title>Error: " in html
    assert '<a href="#id_outcome">Enter the outcome you want for the child</a>' in html


@pytest.mark.parametrize("form", [None, OneQuestion(), OneQuestion({"outcome": "x"})])
def test_a_form_that_is_right_says_nothing(form):
    html = page(form=form)
    assert "Error:" not in html
    assert "There is a problem" not in html


def test_the_page_has_no_inline_style_or_script():
    for name in ("base.html", "404.html", "500.html", "accounts/sign_in.html"):
        html = page(name=name)
        assert " style=" not in html
        scripts = re.findall(r"<script[^>]*>[^<]*", html)
        assert all(script.startswith('<script type="module" nonce="') and ' src="/static/' in script for script in scripts), scripts
        assert all(script.endswith(">") for script in scripts), "a script in the page itself"


@pytest.mark.parametrize("name", ["400.html", "403.html", "403_csrf.html", "404.html", "500.html"])
def test_the_pages_for_when_something_is_amiss_need_nothing(name):
    """Django renders some of them without a request."""
    html = render_to_string(name, {})
    assert "<h1" in html
    assert "Accord" in html


def test_not_found_says_nothing_of_what_was_asked_for():
    """Hidden and absent look the same."""
    assert "K7PM" not in page("/disagreements/K7PM-3XQD/", "404.html", exception="No Disagreement matches K7PM-3XQD")


def test_a_demo_offers_its_people_on_the_way_in():
    people = [("Grace Obi", "grace.obi@example.org", "Head teacher", "Hill Lane Primary School")]
    html = page(name="accounts/sign_in.html", form=OneQuestion(), demo_people=people, demo_password="try-it")
    assert "Sign in as Grace Obi" in html
    assert "Try it as" not in page(name="accounts/sign_in.html", form=OneQuestion())


def test_what_people_write_is_shown_as_text_in_its_own_direction():
    html = written("{{ text|words }}", text="<script>x</script>\n\nשלום\nעולם")
    assert "<script>" not in html
    assert html.count('<p dir="auto">') == 2
    assert "<br>" in html


def test_components_escape_what_they_are_given():
    source = """{% badge text %}{% button text href=text %}{% person text text text %}{% back_link text text %}
        {% summary_row text text text text %}{% details text %}{{ text }}{% enddetails %}{% panel text %}{{ text }}{% endpanel %}
        {% urgent text %}{{ text }}{% endurgent %}{% banner text %}{{ text }}{% endbanner %}
        {% warning %}{{ text }}{% endwarning %}{% inset %}{{ text }}{% endinset %}"""
    assert "<b>" not in written(source, text='<b>"')


def test_the_ladder_says_its_states_in_words_too():
    steps = [
        {"name": "Practitioners", "state": "done"},
        {"name": "Nobody", "state": "skipped"},
        {"name": "Managers", "state": "now"},
        {"name": "Chair", "state": "ahead"},
    ]
    html = written("{% ladder steps %}", steps=steps)
    assert all(word in html for word in ("Done", "Now", "To come", "Started higher"))
    assert html.count('aria-current="step"') == 1


def test_a_badge_says_how_long_is_left_and_nothing_where_there_is_no_limit():
    assert written("{% due when %}", when=None) == ""


def test_pages_of_a_list_keep_the_rest_of_the_address():
    request = RequestFactory().get("/disagreements/?stage=open&page=2")
    html = written("{% pages_of page %}", page=Paginator(range(100), 10).page(2), request=request)
    assert "?stage=open&amp;page=3" in html
    assert html.count('aria-current="page"') == 1


@pytest.mark.parametrize(("view", "says"), [(views.accessibility, "level AA"), (views.privacy, "csrftoken")])
def test_the_pages_at_the_foot_need_no_sign_in(view, says):
    answer = view(RequestFactory().get("/"))
    assert says in answer.content.decode()
    assert view.login_required is False
