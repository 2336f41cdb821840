"""`get_time`: the time of day in a city or time zone.

In comes a place as people say it, out goes "HH:MM". Places are IANA zone names, their last components
("New York" for America/New_York), and a table of well-known cities and countries that have no zone of their own.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

# Zone: places that people ask about under another name than the zone's.
_ALSO: dict[str, str] = {
    "Africa/Johannesburg": "Cape Town|Durban|Pretoria|South Africa",
    "America/Chicago": "Austin|Dallas|Houston|San Antonio|Minneapolis|New Orleans|Nashville",
    "America/Los_Angeles": "LA|Las Vegas|Portland|San Diego|San Francisco|San Jose|Seattle|California|Silicon Valley",
    "America/New_York": "Atlanta|Baltimore|Boston|Miami|NYC|New York City|Orlando|Philadelphia|Pittsburgh|Washington|"
    "Washington DC|Washington D.C.",
    "America/Denver": "Salt Lake City",
    "America/Toronto": "Ottawa|Quebec",
    "America/Edmonton": "Calgary",
    "America/Argentina/Buenos_Aires": "Argentina",
    "America/Sao_Paulo": "Rio de Janeiro|Rio|Brasilia",
    "Asia/Dubai": "Abu Dhabi",
    "Asia/Ho_Chi_Minh": "Hanoi|Vietnam",
    "Asia/Karachi": "Lahore|Islamabad|Pakistan",
    "Asia/Kolkata": "Mumbai|Delhi|New Delhi|Bangalore|Bengaluru|Chennai|Hyderabad|India",
    "Asia/Qatar": "Doha",
    "Asia/Riyadh": "Mecca|Jeddah",
    "Asia/Shanghai": "Beijing|Guangzhou|Shenzhen|Wuhan|Chengdu|China",
    "Asia/Seoul": "Busan|South Korea|Korea",
    "Asia/Bangkok": "Thailand",
    "Asia/Tokyo": "Osaka|Kyoto|Sapporo|Nagoya|Hiroshima|Yokohama",
    "Australia/Sydney": "Canberra",
    "Europe/Amsterdam": "Rotterdam|The Hague|Netherlands|the Netherlands|Holland",
    "Europe/Athens": "Greece",
    "Europe/Berlin": "Munich|Hamburg|Cologne|Frankfurt|Stuttgart|Dusseldorf|Leipzig|Dresden|Germany",
    "Europe/Brussels": "Antwerp|Belgium",
    "Europe/Copenhagen": "Aarhus|Denmark",
    "Europe/Dublin": "Cork|Galway|Ireland",
    "Europe/Helsinki": "Finland",
    "Europe/Istanbul": "Ankara|Izmir",
    "Europe/Kiev": "Kyiv|Ukraine",
    "Europe/London": "Edinburgh|Glasgow|Manchester|Liverpool|Bristol|Leeds|Oxford|Cambridge|Birmingham|UK|England|"
    "Scotland|Wales|Britain|United Kingdom",
    "Europe/Madrid": "Barcelona|Seville|Valencia|Bilbao|Spain",
    "Europe/Oslo": "Bergen|Norway",
    "Europe/Paris": "Lyon|Nice|Marseille|Toulouse|Bordeaux|France",
    "Europe/Lisbon": "Porto",
    "Europe/Rome": "Milan|Naples|Florence|Venice|Turin|Bologna|Italy",
    "Europe/Stockholm": "Gothenburg|Malmo|Sweden",
    "Europe/Vienna": "Graz|Salzburg|Innsbruck|Austria",
    "Europe/Warsaw": "Krakow|Cracow|Gdansk|Wroclaw",
    "Europe/Zurich": "Geneva|Basel|Bern|Lausanne|Switzerland",
    "Europe/Prague": "Brno|Czechia",
    "Europe/Budapest": "Hungary",
    "Pacific/Auckland": "Wellington|Christchurch|New Zealand",
    "Pacific/Honolulu": "Hawaii",
}


def get_time(city: str) -> dict[str, str]:
    """Get the current time in a city or time zone.

    Args:
        city: City or time zone, such as Paris or Europe/Paris
    """
    zone = _zones().get(_key(city))
    if zone is None:
        raise ValueError(f"Unknown city {city!r}; try a large city nearby or a time zone such as Europe/Paris")
    return {"city": city, "time": datetime.now(ZoneInfo(zone)).strftime("%H:%M")}


def _key(place: str) -> str:
    """Fold case, accents, "_" and spaces, so that "São Paulo", "sao paulo" and "Sao_Paulo" are one."""
    letters = (c for c in unicodedata.normalize("NFKD", place) if not unicodedata.combining(c))
    return " ".join("".join(letters).casefold().replace("_", " ").split())


@cache
def _zones() -> dict[str, str]:
    """Zone names by folded place. Full names win over cities, cities over bare last components."""
    names = sorted(available_timezones())
    if not names:
        raise LookupError("this system has no time zone database; install it with: pip install tzdata")
    zones = {_key(name.rsplit("/", 1)[-1]): name for name in reversed(names)}
    zones |= {_key(place): zone for zone, places in _ALSO.items() for place in places.split("|")}
    return zones | {_key(name): name for name in names}
