"""The demo world: the subscriber's phone and the operator's clock. Not a part of production."""
