"""Pages of the staff themselves: signing in, subscribers, corrections of balances, who works here."""
