"""What the procedure says: policies, ladders, calendars and clocks. It knows no disagreement."""
