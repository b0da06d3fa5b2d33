"""Temporary."""
import time
from tests.accounts.test_directory_import import *  # noqa

def test_big(w, ada):
    line = "Worker {0},w{0}@example.org,Team {1},Post {0},0,grace@example.org,ian@example.org\n"
    text = AS_IT_IS + "".join(line.format(n, n % 20) for n in range(4900))
    t=time.time(); shown = preview(w, ada, text); print("preview", time.time()-t, len(shown.content), len(text))
    seen = shown.context["plan"].mark
    t=time.time(); a=ada.post(url(w), {"do": "apply", "text": text, "seen": seen}); print("apply", time.time()-t, a.status_code)
    t=time.time(); preview(w, ada, text); print("preview2", time.time()-t)
    t=time.time(); shown=preview(w, ada, text.replace("Worker ","Wrkr ").replace("Post ","Job ")); print("preview3", time.time()-t, shown.context["plan"] and shown.context["plan"].changes)
    t=time.time(); a=ada.post(url(w), {"do": "apply", "text": text.replace("Worker ","Wrkr ").replace("Post ","Job "), "seen": shown.context["plan"].mark}); print("apply2", time.time()-t, a.status_code)
    for n in ("agency","people","changes","export","post-new"):
        t=time.time(); a=ada.get(reverse("directory-"+n, args=[w.teams["school"].agency.pk])); print(n, time.time()-t, len(a.content))
