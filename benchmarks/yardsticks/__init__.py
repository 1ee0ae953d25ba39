"""Two other ways of making one small cabinet, to measure ours against. No part of the product."""
