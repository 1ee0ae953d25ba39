"""Django and HTMX in one file. `YARDSTICK_DATABASE` is the SQLite file, made if missing."""

import os
from importlib.resources import files

import brotli
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="yardstick",
    ALLOWED_HOSTS=["*"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["YARDSTICK_DATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 5,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
            },
        }
    },
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.gzip.GZipMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.BCryptSHA256PasswordHasher"],  # 12 rounds
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", TEMPLATES := {})]},
        }
    ],
    ROOT_URLCONF=__name__,
    LOGIN_URL="/login",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import authenticate, get_user_model, login  # noqa: E402
from django.contrib.auth.decorators import login_required  # noqa: E402
from django.contrib.auth.hashers import make_password  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.http import require_POST  # noqa: E402

from benchmarks.yardsticks.small_cabinet import (  # noqa: E402
    PASSWORD,
    PEOPLE,
    SERVICES,
    chart_of,
    number_of,
    operations_of,
    roubles,
)

User = get_user_model()
HTMX = files("django_htmx").joinpath("static/django_htmx/htmx-2.min.js").read_bytes()
HTMX_PACKED = brotli.compress(HTMX)

TEMPLATES["base.html"] = """<!doctype html><html lang="ru"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Кабинет</title><script src="/htmx.js" defer></script>
<style>body{font:16px sans-serif;max-width:40rem;margin:auto;padding:1rem}input,button{font:inherit;padding:.5rem;
margin:.25rem}[aria-pressed=true]{background:#cfc}</style>{% block content %}{% endblock %}</html>"""
TEMPLATES["login.html"] = """{% extends "base.html" %}{% block content %}<h1>Вход</h1><form method="post">
{% csrf_token %}<label>Номер <input id="number" name="number" required></label><label>Пароль <input id="password"
name="password" type="password" required></label><button>Войти</button></form>{% endblock %}"""
TEMPLATES["button.html"] = """<button hx-post="/toggle/{{ service.number }}" hx-swap="outerHTML"
aria-pressed="{{ service.is_on|yesno:"true,false" }}">{{ service.title }}</button>"""
TEMPLATES["dashboard.html"] = """{% extends "base.html" %}{% block content %}<h1>Баланс</h1>
<p>{{ number }}: {{ balance }}</p><svg viewBox="0 0 300 80"><polyline fill="none" stroke="green"
points="{{ chart }}"/></svg><ul id="operations">{% for row in rows %}<li>{{ row.day }} {{ row.title }} {{ row.shown }}
</li>{% endfor %}</ul><div hx-headers='{"X-CSRFToken": "{{ csrf_token }}"}'>{% for service in services %}
{% include "button.html" %}{% endfor %}</div>{% endblock %}"""


class Operation(models.Model):
    person = models.ForeignKey(User, models.CASCADE)
    day = models.DateField()
    title = models.CharField(max_length=80)
    amount = models.IntegerField()

    class Meta:
        app_label = "yardstick"
        indexes = [models.Index(fields=["person", "day"])]

    @property
    def shown(self) -> str:
        return roubles(self.amount)


class Service(models.Model):
    person = models.ForeignKey(User, models.CASCADE)
    number = models.IntegerField()
    is_on = models.BooleanField(default=False)

    class Meta:
        app_label = "yardstick"
        unique_together = [("person", "number")]

    @property
    def title(self) -> str:
        return SERVICES[self.number]


def fill() -> None:
    """Makes the tables and everybody in them, once."""
    if connection.introspection.table_names():
        return
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Operation)
        editor.create_model(Service)
    password = make_password(PASSWORD)
    people = [User(id=p, username=number_of(p), password=password) for p in range(1, PEOPLE + 1)]
    with transaction.atomic():
        User.objects.bulk_create(people)
        for one in people:
            rows = operations_of(one.id)
            Operation.objects.bulk_create(Operation(person=one, day=d, title=t, amount=a) for d, t, a in rows)
            Service.objects.bulk_create(Service(person=one, number=number) for number in range(len(SERVICES)))


def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return render(request, "login.html")
    found = authenticate(request, username=request.POST.get("number"), password=request.POST.get("password"))
    if found is None:
        return HttpResponseRedirect("/login")
    login(request, found)
    return HttpResponseRedirect("/")


@login_required
def dashboard(request: HttpRequest) -> HttpResponse:
    lines = list(Operation.objects.filter(person=request.user).order_by("day"))
    context = {
        "number": request.user.username,
        "balance": roubles(31_250),
        "chart": chart_of([line.amount for line in lines]),
        "rows": lines[:-11:-1],
        "services": Service.objects.filter(person=request.user).order_by("number"),
    }
    return render(request, "dashboard.html", context)


@login_required
@require_POST
def toggle(request: HttpRequest, number: int) -> HttpResponse:
    with transaction.atomic():
        service = Service.objects.get(person=request.user, number=number)
        service.is_on = not service.is_on
        service.save(update_fields=["is_on"])
    return render(request, "button.html", {"service": service})


def htmx(request: HttpRequest) -> HttpResponse:
    is_packed = "br" in request.headers.get("Accept-Encoding", "")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if is_packed:
        headers["Content-Encoding"] = "br"
    return HttpResponse(HTMX_PACKED if is_packed else HTMX, content_type="text/javascript", headers=headers)


urlpatterns = [
    path("login", sign_in),
    path("", dashboard),
    path("toggle/<int:number>", toggle),
    path("htmx.js", htmx),
]
fill()
app = get_wsgi_application()
