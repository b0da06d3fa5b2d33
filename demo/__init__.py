"""A fictional partnership, Northshire, to try Accord on; filled through the door."""
