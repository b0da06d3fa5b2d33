"""The trail: reads, refusals, exports made. Insert-only; knows ids and people only."""
