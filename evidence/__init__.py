"""How it is proved: exports of the case history."""
