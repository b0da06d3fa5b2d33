# Everything is in dev.py; this is only the short way to say it: make run PORT=8001, make test ARGS="-k clock"
PYTHON ?= python3
ARGS ?=
export PORT

.PHONY: setup run test check demo long clean
setup run test check demo long clean:
	@$(PYTHON) dev.py $@ $(ARGS)
