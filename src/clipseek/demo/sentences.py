"""What is said and written in the demo videos: sentences about nothing that a picture shows.

Their words are not those of the cartoon world, so a query for them is answered by words alone.
"""

from dataclasses import dataclass
from random import Random

NAMES = (
    "Anna",
    "Boris",
    "Clara",
    "David",
    "Elena",
    "Felix",
    "Greta",
    "Henry",
    "Irene",
    "Jacob",
    "Laura",
    "Martin",
)
VERBS = ("borrowed", "bought", "counted", "delivered", "found", "painted", "repaired", "sold")
NUMBERS = (
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "twenty",
)
GOODS = (
    "baskets",
    "candles",
    "carpets",
    "guitars",
    "kettles",
    "ladders",
    "lanterns",
    "mirrors",
    "pianos",
    "pillows",
    "tickets",
    "violins",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SIGN_GOODS = (
    "basket",
    "candle",
    "carpet",
    "cheese",
    "coffee",
    "guitar",
    "honey",
    "ladder",
    "lantern",
    "mirror",
    "piano",
    "pillow",
    "ticket",
    "violin",
)
SIGN_PLACES = (
    "academy",
    "bakery",
    "club",
    "factory",
    "gallery",
    "hotel",
    "library",
    "market",
    "museum",
    "office",
    "school",
    "station",
    "theatre",
    "workshop",
)
ABSENT_NAMES = ("Oskar", "Paula", "Quentin", "Ruth")
ABSENT_GOODS = ("anchors", "trumpets", "typewriters", "walnuts")
ABSENT_SIGNS = ("anchor hospital", "trumpet airport", "walnut university", "needle prison")
LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Said:
    """A text and a query that it answers: all words of the query are in the text."""

    text: str
    query: str


def sentence(rng: Random) -> Said:
    """Return a sentence to say or to write below a picture, and a query for it."""
    name, verb, number = rng.choice(NAMES), rng.choice(VERBS), rng.choice(NUMBERS)
    goods, day = rng.choice(GOODS), rng.choice(DAYS)
    text = f"{name} {verb} {number} {goods} on {day}"
    queries = (text, f"{name} {verb} {number} {goods}", f"{number} {goods} on {day}")
    return Said(text, rng.choice(queries).lower())


def sign(rng: Random) -> Said:
    """Return two words to write on a sign, in one of three spellings, and a query for them."""
    words = f"{rng.choice(SIGN_GOODS)} {rng.choice(SIGN_PLACES)}"
    return Said(rng.choice((words.upper(), words.title(), words.capitalize())), words)


def absent_sentence(rng: Random) -> str:
    """Return a query for a sentence that no video has: its name and its goods are never used."""
    name, goods = rng.choice(ABSENT_NAMES), rng.choice(ABSENT_GOODS)
    return f"{name} {goods}".lower()


def absent_sign(rng: Random) -> str:
    """Return a query for a sign that no video has."""
    return rng.choice(ABSENT_SIGNS)


def answers(text: str, query: str) -> bool:
    """Whether the text has all words of the query."""
    return set(query.lower().split()) <= set(text.lower().split())


def grammar() -> str:
    """Return every sentence of `sentence` as a grammar (JSGF) for a recogniser of speech."""
    lists = [" | ".join(words).lower() for words in (NAMES, VERBS, NUMBERS, GOODS, DAYS)]
    said = "({}) ({}) ({}) ({}) on ({})".format(*lists)
    return f"#JSGF V1.0;\ngrammar demo;\npublic <sentence> = {said};\n"
