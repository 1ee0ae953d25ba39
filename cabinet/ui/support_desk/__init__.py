"""The desk of support: the queue, a ticket, ready answers, and how answers come."""
