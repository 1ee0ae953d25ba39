"""Promotions: the list made for the subscriber, one of them, promo codes."""
