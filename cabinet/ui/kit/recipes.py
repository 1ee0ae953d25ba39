"""Class strings of the design system, each in one place. Colours come from `tokens.css` only."""

BUTTON = (
    "inline-flex min-h-12 items-center justify-center gap-2 rounded-md px-5 py-2 text-center text-base font-semibold "
    "transition-colors aria-disabled:cursor-not-allowed aria-disabled:opacity-60 "
    "aria-busy:pointer-events-none aria-busy:opacity-60"
)
BUTTON_KINDS = {
    "primary": "bg-brand text-on-brand hover:bg-brand-hover",
    "secondary": "bg-sunken text-ink hover:bg-line",
    "soft": "bg-brand-soft text-brand-ink hover:bg-line",
    "outline": "border border-edge text-ink hover:bg-sunken",
    "danger": "border border-bad text-bad hover:bg-bad-soft",
    "on_hero": "bg-on-hero text-hero-2 hover:bg-white",
}
LINK_ACTION = (
    "inline-flex min-h-11 items-center gap-1.5 font-semibold text-brand-ink underline-offset-4 hover:underline"
)
ICON_BUTTON = "inline-flex size-11 items-center justify-center rounded-full hover:bg-sunken"

CARD = "rounded-lg bg-surface p-5 shadow-card"
CARD_TITLE = "text-lg font-bold"
LIST_CARD = "divide-y divide-line rounded-lg bg-surface shadow-card"
LIST_ROW = "flex min-h-16 w-full flex-wrap items-center gap-3 px-5 py-3 text-left"
TILE = "flex size-10 shrink-0 items-center justify-center rounded-full"

LABEL = "mb-1.5 block text-sm font-semibold"
FIELD = (
    "block h-14 w-full rounded-md border border-edge bg-surface px-4 text-lg text-ink placeholder:text-muted "
    "group-has-[[data-slot]:not(:empty)]:border-2 group-has-[[data-slot]:not(:empty)]:border-bad"
)
FIELD_WRONG = "block h-14 w-full rounded-md border-2 border-bad bg-surface px-4 text-lg text-ink"
HINT = "mt-1.5 text-sm text-muted"
FIELD_ERROR = "mt-2 flex gap-2 text-sm font-medium text-bad has-[[data-slot]:empty]:hidden"

TAG = "inline-flex items-center gap-1 rounded-sm px-2 py-0.5 text-xs font-semibold"
TONES = {
    "ok": "bg-ok-soft text-ok",
    "info": "bg-info-soft text-info",
    "warn": "bg-warn-soft text-warn",
    "bad": "bg-bad-soft text-bad",
    "brand": "bg-brand-soft text-brand-ink",
    "quiet": "bg-sunken text-ink",
}
_CHIP = "inline-flex min-h-11 items-center justify-center gap-1.5 rounded-full border px-4 text-sm font-medium"
CHIP = f"{_CHIP} border-line bg-surface hover:bg-sunken"
CHIP_ON = f"{_CHIP} border-ink bg-ink text-bg"
CHIP_RADIO = (
    f"{CHIP} cursor-pointer has-checked:border-ink has-checked:bg-ink has-checked:text-bg "
    "has-focus-visible:outline-3 has-focus-visible:outline-offset-2 has-focus-visible:outline-[var(--c-focus)]"
)

FOCUS_WITHIN = "focus-within:outline-3 focus-within:outline-offset-2 focus-within:outline-[var(--c-focus)]"
SEGMENTS = "flex flex-wrap gap-1 rounded-md bg-sunken p-1"
_SEGMENT = (
    "flex min-h-11 flex-1 items-center justify-center gap-1.5 rounded-[0.625rem] px-2 text-sm font-medium text-muted"
)
SEGMENT_LINK = (
    f"{_SEGMENT} aria-[current=page]:bg-surface dark:aria-[current=page]:bg-sunken "
    "aria-[current=page]:font-semibold aria-[current=page]:text-ink aria-[current=page]:shadow-card"
)
SEGMENT_LINK_IN_CARD = f"{SEGMENT_LINK} dark:aria-[current=page]:bg-line!"
SEGMENT_RADIO = (
    f"{_SEGMENT} min-w-0 cursor-pointer max-[22.5rem]:[&>svg]:hidden "
    "has-checked:bg-surface has-checked:font-semibold has-checked:text-ink "
    "has-checked:shadow-card dark:has-checked:bg-line "
    "has-focus-visible:outline-3 has-focus-visible:outline-[var(--c-focus)]"
)
HERO = "on-hero relative overflow-hidden bg-linear-to-br from-hero-1 to-hero-2 text-on-hero"
