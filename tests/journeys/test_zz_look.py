from tests.journeys.test_sessions import *
from tests.journeys.test_sessions import tabs
def test_look(tabs):
    page = tabs.signed_in(viewport={"width": 375, "height": 800})
    tabs.pass_time(13.1, page)
    expect(page.get_by_role("alertdialog")).to_be_visible()
    page.screenshot(path=f"/tmp/s_dialog_375.png")
    page.keyboard.press("Enter")
    page.set_viewport_size({"width": 1280, "height": 800})
    other = tabs.signed_in()
    for row in Session.objects.all():
        st=row.get_decoded(); st.pop("listed",None)
        Session.objects.filter(pk=row.pk).update(session_data=Session.objects.encode(st))
    page.goto(tabs.url+"/desk/"); other.goto(tabs.url+"/desk/")
    page.goto(tabs.url+"/account/sessions/")
    page.screenshot(path=f"/tmp/s_list_1280.png", full_page=True)
    look(page)
