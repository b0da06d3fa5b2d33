from tests.faults import test_fuzz as f
def test_x(db):
    f.storm(f.a_world(), 420, ["aisha","sam","office","chair",""], pages_each=40)
