"""What is learnt: general issues taken to the partnership (23.19) and debriefs asked for (23.20)."""
