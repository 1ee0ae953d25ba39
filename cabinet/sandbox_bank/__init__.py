"""The sandbox bank: a payment gateway whose money is not real. It is what a real one would be: a site of its own.

It has an API with idempotence keys, pages for cards and for СБП, saved methods, refunds, and webhooks that are signed,
retried, and come twice and out of order. It shares nothing with the cabinet but the process: the two speak over HTTP,
and its books are a SQLite file of its own, so that it remembers over a restart, whatever database the cabinet has, and
may disagree with it as a real bank may.
"""
