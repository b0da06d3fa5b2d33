"""How a disagreement moves: the door, clocks, notices, tasks, and the pages that combine them."""
