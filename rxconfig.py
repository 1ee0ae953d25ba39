"""Reflex's own settings, taken from `cabinet.config`. Imports no State: it is read before the application."""

import reflex as rx

from cabinet.config import settings
from cabinet.ui.tailwind import DesignTokensPlugin

_settings = settings()

config = rx.Config(
    app_name="cabinet",
    cors_allowed_origins=[_settings.public_url],
    trusted_proxy_hops=_settings.trusted_proxy_hops,
    state_manager_mode="redis" if _settings.redis_url else "memory",
    redis_url=_settings.redis_url or None,
    plugins=[DesignTokensPlugin()],
    disable_plugins=[rx.plugins.SitemapPlugin],
    # Brotli first: the first one that the browser accepts is served.
    frontend_compression_formats=["brotli", "gzip"],
    frontend_lazy_bundled_libraries=True,
    show_built_with_reflex=False,
    telemetry_enabled=False,
)
