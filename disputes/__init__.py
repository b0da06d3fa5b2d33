"""What a disagreement is: its stages, sides, seats, record and agreement."""
