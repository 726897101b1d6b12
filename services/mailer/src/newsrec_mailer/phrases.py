"""What the digest says by itself, in each language that it speaks."""

from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Phrases:
    """The words of one language. `{…}` are filled in by `str.format`."""

    language: str
    date_form: str
    first_day: str  # of a month
    weekdays: tuple[str, ...]  # Monday first
    months: tuple[str, ...]
    subject_one: str
    subject_more: str
    heading: str
    preheader: str
    intro_one: str
    intro_more: str
    read: str
    why: str
    footer: str
    unsubscribe: str

    def date(self, day: date) -> str:
        """The day in words, such as "Friday 6 March"."""
        return self.date_form.format(
            weekday=self.weekdays[day.weekday()],
            day=self.first_day if day.day == 1 else day.day,
            month=self.months[day.month - 1],
        )


_EN = Phrases(
    language="en",
    date_form="{weekday} {day} {month}",
    first_day="1",
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=(
        *("January", "February", "March", "April", "May", "June", "July", "August"),
        *("September", "October", "November", "December"),
    ),
    subject_one="{title}",
    subject_more="{title} (and {more} more)",
    heading="Worth your time today",
    preheader="Also today: {titles}",
    intro_one="One article, chosen for you from everything that was published.",
    intro_more="{count} articles, chosen for you from everything that was published.",
    read="Read the article",
    why="Why this?",
    footer="You get one email a day because you asked for it when you subscribed.",
    unsubscribe="Stop these emails",
)

_ES = Phrases(
    language="es",
    date_form="{weekday} {day} de {month}",
    first_day="1",
    weekdays=("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    months=(
        *("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto"),
        *("septiembre", "octubre", "noviembre", "diciembre"),
    ),
    subject_one="{title}",
    subject_more="{title} (y {more} más)",
    heading="Lo que merece tu tiempo hoy",
    preheader="También hoy: {titles}",
    intro_one="Un artículo, elegido para ti entre todo lo publicado.",
    intro_more="{count} artículos, elegidos para ti entre todo lo publicado.",
    read="Leer el artículo",
    why="¿Por qué?",
    footer="Recibes un correo al día porque lo pediste al suscribirte.",
    unsubscribe="No recibir más estos correos",
)

_PT = Phrases(
    language="pt",
    date_form="{weekday}, {day} de {month}",
    first_day="1º",
    weekdays=(
        *("segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira"),
        *("sábado", "domingo"),
    ),
    months=(
        *("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto"),
        *("setembro", "outubro", "novembro", "dezembro"),
    ),
    subject_one="{title}",
    subject_more="{title} (e mais {more})",
    heading="O que merece o seu tempo hoje",
    preheader="Também hoje: {titles}",
    intro_one="Um artigo, escolhido para você entre tudo o que foi publicado.",
    intro_more="{count} artigos, escolhidos para você entre tudo o que foi publicado.",
    read="Ler o artigo",
    why="Por quê?",
    footer="Você recebe um e-mail por dia porque pediu ao assinar.",
    unsubscribe="Não receber mais estes e-mails",
)

_FR = Phrases(
    language="fr",
    date_form="{weekday} {day} {month}",
    first_day="1er",
    weekdays=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    months=(
        *("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août"),
        *("septembre", "octobre", "novembre", "décembre"),
    ),
    subject_one="{title}",
    subject_more="{title} (et {more} de plus)",
    heading="Ce qui mérite votre temps aujourd’hui",
    preheader="Aussi aujourd’hui : {titles}",
    intro_one="Un article, choisi pour vous parmi tout ce qui a été publié.",
    intro_more="{count} articles, choisis pour vous parmi tout ce qui a été publié.",
    read="Lire l’article",
    why="Pourquoi ?",
    footer="Vous recevez un e-mail par jour parce que vous l’avez demandé en vous abonnant.",
    unsubscribe="Ne plus recevoir ces e-mails",
)

_LANGUAGES: Final = MappingProxyType({p.language: p for p in (_EN, _ES, _PT, _FR)})


def phrases_for(language: str | None) -> Phrases:
    """The words for a reader's language tag such as ``pt-BR``; English when we do not speak it."""
    primary = (language or "").replace("_", "-").partition("-")[0].strip().lower()
    return _LANGUAGES.get(primary, _EN)
