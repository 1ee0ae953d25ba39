"""The bank's own pages: plain HTML without scripts. One style, known to the policy by its hash."""

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from html import escape

import segno
from starlette.responses import HTMLResponse

from cabinet.sandbox_bank.books import Payment
from cabinet.sandbox_bank.cards import CARDS, SBP_ACCOUNT, Card

STYLE = """
:root{color-scheme:light dark;--bg:#eef1f6;--paper:#fff;--ink:#141a26;--soft:#5b6576;--line:#d8dee9;--key:#1f5fbf;
--on:#fff}
@media(prefers-color-scheme:dark){:root{--bg:#10141c;--paper:#1a202b;--ink:#eef1f6;--soft:#a3adbd;--line:#333c4b;
--key:#3f7fe0}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:27rem;margin:0 auto;padding:24px 16px 48px}
header{display:flex;justify-content:space-between;color:var(--soft);font-size:14px;margin-bottom:16px}
header b{color:var(--key)}
section{background:var(--paper);border-radius:16px;padding:20px;margin-bottom:16px}
h1{font-size:32px;line-height:1.2;margin:0 0 4px}h2{font-size:17px;margin:0 0 12px}
p{margin:0 0 12px;color:var(--soft)}p:last-child{margin:0}
label{display:block;font-size:14px;color:var(--soft);margin-bottom:12px}
input{display:block;width:100%;min-height:48px;margin-top:4px;padding:0 12px;font:inherit;color:var(--ink);
background:var(--bg);border:1px solid var(--line);border-radius:10px}
.two{display:grid;grid-template-columns:1fr 1fr;gap:12px}
button,.button{display:block;width:100%;min-height:48px;padding:11px 16px;font:inherit;font-weight:600;
text-align:center;text-decoration:none;border:0;border-radius:10px;background:var(--key);color:var(--on);cursor:pointer}
button.plain,.plain{background:none;color:var(--key);border:1px solid var(--line);margin-top:8px}
ul{list-style:none;margin:0;padding:0}li+li{border-top:1px solid var(--line)}
li button{background:none;color:inherit;font-weight:400;text-align:left;padding:10px 0;border-radius:0}
li button b{display:block;color:var(--key);font-variant-numeric:tabular-nums}
li button span{color:var(--soft);font-size:14px}
:focus-visible{outline:3px solid var(--key);outline-offset:2px}
.qr svg{display:block;width:100%;max-width:16rem;height:auto;margin:0 auto 12px;background:#fff;border-radius:10px}
.phone{display:none}
@media(max-width:40rem),(pointer:coarse){.desk{display:none}.phone{display:block}}
"""

_POLICY = (
    "default-src 'none'; style-src 'sha256-{style}'; form-action 'self' {shop}; base-uri 'none'; frame-ancestors 'none'"
)


def card(payment: Payment, shop: str) -> HTMLResponse:
    """Where the number of a card is typed; each test card is a button."""
    example = next(iter(CARDS.values()))
    saves = "<p>Карта сохранится для следующих оплат.</p>" if payment["saves"] else ""
    body = f"""
    <section>{_sum(payment)}</section>
    <section><form method="post">
      <label>Номер карты
        <input name="card" inputmode="numeric" autocomplete="off" required value="{example.spaced}"></label>
      <div class="two">
        <label>Срок<input name="expires" autocomplete="off" value="{example.expires}"></label>
        <label>Код<input name="cvc" inputmode="numeric" autocomplete="off" value="123"></label>
      </div>{saves}
      <button>Оплатить {roubles(payment["kopecks"])}</button>
    </form>{_leave()}</section>
    <section><h2>Тестовые карты</h2><p>Нажмите на карту, чтобы заплатить ею.</p>
      <form method="post"><ul>{_choices(CARDS.values())}</ul></form></section>"""
    return _page("Оплата картой", body, shop)


def confirm(payment: Payment, shop: str) -> HTMLResponse:
    """3-D Secure: the bank asks whether it is the person who pays."""
    body = f"""
    <section>{_sum(payment)}<p>Карта {escape(payment["method"]["title"])}</p></section>
    <section><h2>Подтвердите оплату</h2><p>Так банк убеждается, что платите вы.</p>
      <form method="post">
        <button name="answer" value="yes">Подтвердить</button>
        <button class="plain" name="answer" value="no">Это не я</button>
      </form></section>"""
    return _page("Подтверждение оплаты", body, shop)


def qr(payment: Payment, address: str, shop: str) -> HTMLResponse:
    """СБП: a code for the phone's camera on a desk, a button on the phone. It looks by itself whether it is paid."""
    code = segno.make(address, error="m").svg_inline(border=2, dark="#000", omitsize=True)
    body = f"""
    <section>{_sum(payment)}</section>
    <section>
      <div class="desk qr"><h2>Наведите камеру телефона</h2>{code}
        <p>Телефона нет под рукой? <a href="{escape(address)}">Откройте банк здесь</a>.</p></div>
      <div class="phone"><h2>Оплата по СБП</h2>
        <a class="button" href="{escape(address)}">Открыть приложение банка</a></div>
      {_leave()}
    </section>"""
    return _page("Оплата по СБП", body, shop, refresh=2)


def bank_app(payment: Payment, shop: str) -> HTMLResponse:
    """What the application of the person's bank shows after the code was read."""
    saves = "<p>Счёт привяжется для следующих оплат.</p>" if payment["saves"] else ""
    body = f"""
    <section>{_sum(payment)}{saves}</section>
    <section><form method="post"><ul>{_choices(SBP_ACCOUNT.values())}</ul></form></section>"""
    return _page("Приложение банка", body, shop)


def waiting(payment: Payment, shop: str) -> HTMLResponse:
    """The bank thinks; the person may go back to the shop meanwhile."""
    body = f"""
    <section>{_sum(payment)}
      <h2>Банк обрабатывает платёж</h2><p>Ответа ещё нет. Его можно подождать и в магазине.</p></section>
    <section><a class="button" href="{escape(payment["return_url"])}">Вернуться в магазин</a></section>"""
    return _page("Платёж обрабатывается", body, shop, refresh=2)


def nothing(shop: str) -> HTMLResponse:
    """There is no such payment."""
    return _page("Нет такого платежа", "<section><h1>Нет такого платежа</h1></section>", shop, status=404)


def roubles(kopecks: int) -> str:
    """`1 234,50 ₽`"""
    whole, rest = divmod(kopecks, 100)
    return f"{whole:,}".replace(",", "\u00a0") + (f",{rest:02}" if rest else "") + "\u00a0₽"


def _sum(payment: Payment) -> str:
    return f"<h1>{roubles(payment['kopecks'])}</h1><p>{escape(payment['description'])}</p>"


def _choices(cards: Iterable[Card]) -> str:
    return "".join(
        f'<li><button name="card" value="{card.number}"><b>{card.spaced}</b><span>{escape(card.meaning)}</span>'
        "</button></li>"
        for card in cards
    )


def _leave() -> str:
    return '<form method="post"><button class="plain" name="leave" value="1">Отменить и вернуться</button></form>'


def _page(title: str, body: str, shop: str, *, refresh: int = 0, status: int = 200) -> HTMLResponse:
    again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    html = f"""<!doctype html><html lang="ru"><head><meta charset="utf-8"><title>{title} — Учебный банк</title>
<meta name="viewport" content="width=device-width, initial-scale=1">{again}<style>{STYLE}</style></head>
<body><main><header><b>Учебный банк</b><span>деньги ненастоящие</span></header>{body}</main></body></html>"""
    digest = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = _POLICY.format(style=digest, shop=shop)
    return HTMLResponse(html, status, {"Content-Security-Policy": policy, "Cache-Control": "no-store"})
