"""What can be typed into a question, and what is said when it is wrong."""

from datetime import date, datetime, timedelta, timezone

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.http import QueryDict

from pages import fields, forms, times
from pages.templatetags.pages import phone

SUMMER, WINTER = timezone(timedelta(hours=1)), timezone(timedelta(0))


def refusal(field, value) -> str:
    with pytest.raises(ValidationError) as refused:
        field.clean(value)
    return " ".join(refused.value.messages)


def parts(day="", month="", year="", time=None) -> dict[str, str]:
    typed = {"day": day, "month": month, "year": year}
    return typed if time is None else typed | {"time": time}


# ── Words ──


@pytest.mark.parametrize(
    "text",
    ["She is 8.", "One\nTwo\tthree", "👩‍👧 left alone", "שלום עולם", "مرحبا بالعالم", "100% <b>not</b> %(called)s", "Zoë’s café"],
)
def test_words_in_any_script_are_kept_as_they_are(text):
    assert fields.WordsField().clean(text) == text


def test_line_ends_are_those_of_the_record_whatever_the_browser_sends():
    assert fields.WordsField().clean(" One\r\nTwo\rThree \r\n") == "One\nTwo\nThree"


@pytest.mark.parametrize("text", ["nul \x00", "bell \x07", "escape \x1b[31m", "delete \x7f", "c1 \x9b", "half \ud800"])
@pytest.mark.parametrize("field", [fields.WordsField(), fields.LineField()])
def test_characters_that_cannot_be_shown_are_refused(field, text):
    assert "contains characters that cannot be shown" in refusal(field, text)


def test_a_line_is_one_line():
    assert refusal(fields.LineField(called="The name"), "one\r\ntwo") == "The name must be on one line"


def test_too_long_says_how_long_it_may_be_and_how_long_it_is():
    said = refusal(fields.WordsField(), "a" * 100_000)
    assert said == "What you write must be 10,000 characters or fewer. You have entered 100,000."


def test_the_length_of_a_line_end_is_one_however_it_was_sent():
    assert fields.WordsField(max_length=3).clean("a\r\nb") == "a\nb"


def test_a_percent_sign_in_a_message_of_ours_does_no_harm():
    assert refusal(fields.WordsField(empty="Say 100% of it"), "") == "Say 100% of it"
    assert refusal(fields.DayField(empty="Say 100% of it"), parts()) == "Say 100% of it"
    assert refusal(fields.WordsField(called="100% of it"), "\x07").startswith("100% of it contains")


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (fields.WordsField(label="What happened?"), "Answer “What happened?”"),
        (fields.LineField(), "Enter an answer"),
        (fields.ChoiceField(label="Which?", choices=[("a", "A")]), "Choose an answer to “Which?”"),
        (fields.ChoicesField(label="Which?", choices=[("a", "A")]), "Choose at least one answer to “Which?”"),
        (fields.TickField(label="I agree"), "Tick “I agree”"),
        (fields.WordsField(empty="Enter the outcome you want for the child"), "Enter the outcome you want for the child"),
    ],
)
def test_an_empty_answer_says_what_to_do(field, said):
    assert refusal(field, "") == said


def test_a_choice_that_was_not_offered_is_refused():
    assert refusal(fields.ChoiceField(choices=[("a", "A")]), "b") == "Choose one of the answers in the list"


# ── Days ──


@pytest.mark.parametrize("month", ["3", "03", "March", "mar", "MARCH"])
def test_a_day_is_read(month):
    assert fields.DayField().clean(parts("6", month, "2026")) == date(2026, 3, 6)


@pytest.mark.parametrize(
    ("typed", "said", "wrong"),
    [
        (parts(), "Enter a date", ("day", "month", "year")),
        (parts("6", "3"), "The date must include a year", ("year",)),
        (parts("", "", "2026"), "The date must include a day and month", ("day", "month")),
        (parts("30", "2", "2026"), "The date must be a real date", ("day", "month", "year")),
        (parts("32", "1", "2026"), "The date must be a real date", ("day",)),
        (parts("1", "13", "2026"), "The date must be a real date", ("month",)),
        (parts("1", "Marvember", "2026"), "The date must be a real date", ("month",)),
        (parts("-1", "²", "2026"), "The date must be a real date", ("day", "month")),
        (parts("6", "3", "26"), "The date must have a year of 4 numbers, for example 2026", ("year",)),
        (parts("6", "3", "٢٠٢٦"), "The date must have a year of 4 numbers, for example 2026", ("year",)),
        (parts("6", "3", "0000"), "The date must be in the year 2000 or later", ("year",)),
        (parts("14", "10", "1066"), "The date must be in the year 2000 or later", ("year",)),
        (parts("9" * 100_000, "9" * 100_000, "2026"), "The date must be a real date", ("day", "month")),
        (parts("1", "1", "9" * 100_000), "The date must have a year of 4 numbers, for example 2026", ("year",)),
    ],
)
def test_a_wrong_day_says_what_is_wrong_and_where(typed, said, wrong):
    with pytest.raises(ValidationError) as refused:
        fields.DayField().clean(typed)
    assert (refused.value.messages, refused.value.params["parts"]) == ([said], wrong)


def test_a_day_that_may_be_left_out_is_none():
    assert fields.DayField(required=False).clean(parts()) is None


@time_machine.travel(datetime(2026, 6, 30, 23, 30, tzinfo=WINTER), tick=False)
def test_today_is_todays_date_in_london():
    """At 23.30 UTC in June it is tomorrow already."""
    field = fields.DayField(not_future=True, called="The day you met")
    assert field.clean(parts("1", "7", "2026")) == date(2026, 7, 1)
    assert refusal(field, parts("2", "7", "2026")) == "The day you met must be today or in the past"
    assert refusal(fields.DayField(not_past=True), parts("30", "6", "2026")) == "The date must be today or in the future"
    assert refusal(fields.DayField(not_past="100% too early"), parts("30", "6", "2026")) == "100% too early"


# ── Moments ──


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [
        ("5pm", 17, 0),
        ("5 PM", 17, 0),
        ("9.30am", 9, 30),
        ("9:30 a.m.", 9, 30),
        ("930am", 9, 30),
        ("12pm", 12, 0),
        ("12am", 0, 0),
        ("12.15am", 0, 15),
        ("midday", 12, 0),
        ("noon", 12, 0),
        ("Midnight", 0, 0),
        ("17:00", 17, 0),
        ("17.05", 17, 5),
        ("0930", 9, 30),
        ("09:30", 9, 30),
        ("5pm GMT", 17, 0),
    ],
)
def test_a_time_is_read_as_people_write_it(text, hour, minute):
    assert fields.MomentField().clean(parts("6", "3", "2026", text)) == datetime(2026, 3, 6, hour, minute, tzinfo=WINTER)


@pytest.mark.parametrize("text", ["5", "5.30", "13pm", "0am", "25:00", "12:60", "5.75pm", "teatime", "٥pm", "1" * 100_000])
def test_a_time_that_could_be_two_or_none_is_asked_again(text):
    said = refusal(fields.MomentField(), parts("6", "3", "2026", text))
    assert said == "The date and time must include a time with am or pm, for example 5pm or 9.30am"


def test_a_moment_without_its_time_says_so():
    assert refusal(fields.MomentField(), parts("6", "3", "2026", "")) == "The date and time must include a time"
    assert refusal(fields.MomentField(), parts("6", "", "", "")) == "The date and time must include a month, year and time"


def test_a_moment_in_summer_is_summer_time():
    assert fields.MomentField().clean(parts("6", "7", "2026", "5pm")) == datetime(2026, 7, 6, 17, tzinfo=SUMMER)


def test_a_time_that_the_clocks_skipped_is_refused():
    assert refusal(fields.MomentField(), parts("29", "3", "2026", "1.30am")).startswith("That time did not happen")
    assert fields.MomentField().clean(parts("29", "3", "2026", "2am")) == datetime(2026, 3, 29, 2, tzinfo=SUMMER)


def test_a_time_that_came_twice_is_asked_for_and_then_read():
    twice = fields.MomentField()
    assert refusal(twice, parts("25", "10", "2026", "1.30am")).startswith("That time came twice")
    assert twice.clean(parts("25", "10", "2026", "1.30am BST")).astimezone(WINTER).hour == 0
    assert twice.clean(parts("25", "10", "2026", "1.30am gmt")).astimezone(WINTER).hour == 1
    assert "clocks in the UK" in refusal(twice, parts("6", "7", "2026", "5pm GMT"))


@time_machine.travel(datetime(2026, 3, 6, 17, 0, 30, tzinfo=WINTER), tick=False)
def test_a_moment_may_be_this_minute_but_not_the_next():
    field = fields.MomentField(not_future="The call must be over")
    assert field.clean(parts("6", "3", "2026", "5pm"))
    assert refusal(field, parts("6", "3", "2026", "5.01pm")) == "The call must be over"


def test_a_moment_comes_back_into_its_boxes():
    widget = fields.MomentField().widget
    shown = widget.format_value(datetime(2026, 7, 6, 16, 5, tzinfo=WINTER))
    assert shown == {"day": "6", "month": "7", "year": "2026", "time": "5.05pm"}
    assert fields.MomentField().clean(shown) == datetime(2026, 7, 6, 17, 5, tzinfo=times.LONDON)


# ── Forms ──


class Meeting(forms.Form):
    category = fields.ChoiceField(label="What is it about?", choices=[("a", "A"), ("b", "B")], empty="Choose what it is about")
    met = fields.DayField(label="When?", called="The day you met")
    outcome = fields.WordsField(label="Outcome?", empty="Enter the outcome you want for the child")


def test_the_summary_leads_to_the_first_choice_and_to_the_first_wrong_box():
    form = Meeting(QueryDict("met_day=6&met_year=2026"))
    assert form.error_summary == [
        ("Choose what it is about", "id_category_0"),
        ("The day you met must include a month", "id_met_month"),
        ("Enter the outcome you want for the child", "id_outcome"),
    ]
    html = form.render()
    assert all(f'id="{target}"' in html for _message, target in form.error_summary)


def test_a_fault_of_the_whole_form_stands_first_and_leads_nowhere():
    form = Meeting(QueryDict("category=a&met_day=6&met_month=3&met_year=2026&outcome=x"))
    form.add_error(None, "Someone moved first")
    form.add_error("met", "You met before it was raised")
    assert form.error_summary == [("Someone moved first", ""), ("You met before it was raised", "id_met_day")]


def test_what_was_typed_is_kept_when_it_is_wrong():
    html = Meeting(QueryDict("met_day=31&met_month=Feb&met_year=2026&outcome=%3Cb%3E"))
    assert all(f'value="{text}"' in str(html) for text in ("31", "Feb", "2026"))
    assert "&lt;b&gt;" in str(html)


def test_a_date_given_at_the_start_is_shown_and_counts_as_unchanged():
    form = Meeting(QueryDict("category=a&met_day=6&met_month=3&met_year=2026&outcome=x"), initial={"met": date(2026, 3, 6)})
    assert 'value="6"' in str(Meeting(initial={"met": date(2026, 3, 6)}))
    assert "met" not in form.changed_data


def test_questions_stand_under_the_titles_of_their_sections():
    class Sectioned(Meeting):
        sections = [("The child", ["category"]), ("The meeting", ["met", "outcome"])]

    groups = [(title, [field.name for field in group]) for title, group in Sectioned().field_groups]
    assert groups == [("The child", ["category"]), ("The meeting", ["met", "outcome"])]
    assert [len(group) for _title, group in Meeting().field_groups] == [3]


@pytest.mark.parametrize("year", ["0001", "1066", "1999"])
def test_what_happened_did_not_happen_before_the_year_2000(year):
    said = refusal(fields.MomentField(not_future=True), parts("6", "3", year, "2pm"))
    assert said == "The date and time must be in the year 2000 or later"


def test_a_plan_reaches_no_further_than_ten_years():
    last = date.today().year + 10
    assert refusal(fields.DayField(not_past=True), parts("1", "1", str(last + 1))) == f"The date must be in the year {last} or earlier"
    assert fields.DayField(not_past=True).clean(parts("1", "1", str(last))) == date(last, 1, 1)


def test_a_telephone_number_stays_on_one_line():
    assert phone("01632 <1>") == '<span class="accord-phone">01632 &lt;1&gt;</span>'
    assert phone("") == ""
