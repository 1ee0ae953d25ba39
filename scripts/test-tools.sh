#!/usr/bin/env bash
# What the tests drive and that pip does not bring: a browser, PostgreSQL, Redis, nginx, Caddy, SMS gateways. Installs only what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
has_postgres() { command -v initdb >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null; }
has_browser() {
  local name
  for name in chromium-headless-shell chromium google-chrome; do
    if command -v "$name" >/dev/null; then return; fi
  done
  compgen -G "$HOME/.cache/ms-playwright/chromium-*" >/dev/null
}

has() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]; }

if command -v apt-get >/dev/null; then
  has_browser || missing+=("chromium-headless-shell|chromium" fonts-liberation)
  has_postgres || missing+=(postgresql)
  command -v redis-server >/dev/null || missing+=(redis-server)
  has bearerbox || missing+=(kannel)
  perl -MNet::SMPP -e 1 2>/dev/null || missing+=(libnet-smpp-perl)
  has openssl || missing+=(openssl)
  has nginx || missing+=(nginx-light)
  has caddy || missing+=(caddy)
elif command -v brew >/dev/null; then
  has_postgres || missing+=(postgresql@15)
  command -v redis-server >/dev/null || missing+=(redis)
  command -v nginx >/dev/null || missing+=(nginx)
  command -v caddy >/dev/null || missing+=(caddy)
fi
if [ ${#missing[@]} -gt 0 ]; then scripts/system-packages.sh "${missing[@]}"; fi
has_browser || .venv/bin/playwright install chromium
