from tests.faults import test_fuzz as f


def test_x(db):
    f.storm(f.a_world(), 1200, ["office", "auditor", "rep", "grace", "mona", "hal", "chair", "zoe", "stranger"], pages_each=60, seed=7)
