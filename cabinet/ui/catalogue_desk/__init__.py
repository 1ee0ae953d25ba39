"""The catalogue at the desk: what is sold, who is on it, taking it off sale."""
