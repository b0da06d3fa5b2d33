"""What a spreadsheet may open: the cells of every CSV that holds somebody's words go through this."""

import unicodedata

BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # the wide ones count in some spreadsheets


def safe(cell: str) -> str:
    """As a spreadsheet may open it: no control characters but line ends and tabs, and an apostrophe before what would be a formula."""
    text = cell.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    is_formula = cell.startswith(BEGINS_A_FORMULA) or kept.startswith(BEGINS_A_FORMULA) or kept.lstrip().startswith(BEGINS_A_FORMULA)
    return f"'{kept}" if is_formula else kept
