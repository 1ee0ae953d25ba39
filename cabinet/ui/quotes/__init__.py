"""What pages share around a quote: its sheet, its state, its words. Whoever sells something uses these three:

`open_sheet` in a handler, `quote_sheet` on the page, and an event that reads the page anew when something was done.
"""

from cabinet.ui.quotes.sheet import done_toast, quote_sheet
from cabinet.ui.quotes.state import forget_done, open_sheet, take_back

__all__ = ["done_toast", "forget_done", "open_sheet", "quote_sheet", "take_back"]
