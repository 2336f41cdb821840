"""`convert_units`: length, area, volume, mass, temperature, time, speed, data and energy.

In comes a value with two units as people write them ("mi", "Mile", "square feet"), out goes the converted value with
the full name of its unit. Unqualified kitchen and gallon measures are those of the US; a ton is metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from edge_lam.demo_tools.rounding import tidy


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit: ``base = value * factor + offset`` in the base unit of its quantity."""

    name: str
    quantity: str
    factor: float
    offset: float = 0.0


# Per quantity: factor to the base unit, then the names; the first is the one that results carry.
_TABLE: dict[str, list[tuple[float, str]]] = {
    "length": [
        (1, "meters|meter|metres|metre|m"),
        (1e3, "kilometers|kilometer|kilometres|kilometre|km|kms|k"),
        (1e-2, "centimeters|centimeter|centimetres|centimetre|cm"),
        (1e-3, "millimeters|millimeter|millimetres|millimetre|mm"),
        (1e-6, "micrometers|micrometer|microns|micron|µm|um"),
        (1609.344, "miles|mile|mi"),
        (1852, "nautical miles|nautical mile|nmi"),
        (0.9144, "yards|yard|yd|yds"),
        (0.3048, "feet|foot|ft|'"),
        (0.0254, 'inches|inch|in|"'),
    ],
    "area": [
        (1, "square meters|square meter|square metres|square metre|m2|m²|sqm|sq m"),
        (1e6, "square kilometers|square kilometer|square kilometres|square kilometre|km2|km²|sq km"),
        (1e-4, "square centimeters|square centimeter|square centimetres|square centimetre|cm2|cm²|sq cm"),
        (1e4, "hectares|hectare|ha"),
        (4046.8564224, "acres|acre|ac"),
        (1609.344**2, "square miles|square mile|mi2|sq mi"),
        (0.9144**2, "square yards|square yard|yd2|sq yd"),
        (0.3048**2, "square feet|square foot|ft2|ft²|sq ft|sqft"),
        (0.0254**2, "square inches|square inch|in2|sq in"),
    ],
    "volume": [
        (1, "liters|liter|litres|litre|l"),
        (1e-3, "milliliters|milliliter|millilitres|millilitre|ml|cubic centimeters|cm3|cc"),
        (1e-2, "centiliters|centiliter|centilitres|centilitre|cl"),
        (1e3, "cubic meters|cubic meter|cubic metres|cubic metre|m3|m³"),
        (3.785411784, "gallons|gallon|gal|us gallons|us gallon"),
        (4.54609, "imperial gallons|imperial gallon|uk gallons|uk gallon"),
        (0.946352946, "quarts|quart|qt"),
        (0.473176473, "pints|pint|pt|us pints|us pint"),
        (0.56826125, "imperial pints|imperial pint|uk pints|uk pint"),
        (0.2365882365, "cups|cup"),
        (0.0295735295625, "fluid ounces|fluid ounce|fl oz|floz"),
        (0.01478676478125, "tablespoons|tablespoon|tbsp"),
        (0.00492892159375, "teaspoons|teaspoon|tsp"),
    ],
    "mass": [
        (1, "kilograms|kilogram|kilos|kilo|kg|kgs"),
        (1e-3, "grams|gram|g"),
        (1e-6, "milligrams|milligram|mg"),
        (1e3, "metric tons|metric ton|tons|ton|tonnes|tonne|t"),
        (907.18474, "US tons|us ton|short tons|short ton"),
        (0.45359237, "pounds|pound|lb|lbs"),
        (0.028349523125, "ounces|ounce|oz"),
        (6.35029318, "stone|stones|st"),
    ],
    "time": [
        (1, "seconds|second|sec|secs|s"),
        (1e-3, "milliseconds|millisecond|ms|msec"),
        (60, "minutes|minute|min|mins"),
        (3600, "hours|hour|hr|hrs|h"),
        (86400, "days|day|d"),
        (604800, "weeks|week|wk|wks"),
        (31557600 / 12, "months|month"),
        (31557600, "years|year|yr|yrs|y"),
    ],
    "speed": [
        (1, "meters per second|metres per second|m/s|mps"),
        (1 / 3.6, "kilometers per hour|kilometres per hour|km/h|kmh|kph|kmph"),
        (0.44704, "miles per hour|mph|mi/h"),
        (1852 / 3600, "knots|knot|kn|kt|kts"),
        (0.3048, "feet per second|ft/s|fps"),
    ],
    "data": [
        (1, "bytes|byte|b"),
        (1 / 8, "bits|bit"),
        (1e3, "kilobytes|kilobyte|kb"),
        (1e6, "megabytes|megabyte|mb|megs"),
        (1e9, "gigabytes|gigabyte|gb|gigs"),
        (1e12, "terabytes|terabyte|tb"),
        (1e15, "petabytes|petabyte|pb"),
        (2**10, "kibibytes|kibibyte|kib"),
        (2**20, "mebibytes|mebibyte|mib"),
        (2**30, "gibibytes|gibibyte|gib"),
        (2**40, "tebibytes|tebibyte|tib"),
    ],
    "energy": [
        (1, "joules|joule|j"),
        (1e3, "kilojoules|kilojoule|kj"),
        (1e6, "megajoules|megajoule|mj"),
        (4.184, "calories|calorie|cal"),
        (4184, "kilocalories|kilocalorie|kcal"),
        (3600, "watt hours|watt hour|wh"),
        (3.6e6, "kilowatt hours|kilowatt hour|kwh"),
        (1055.05585262, "BTU|btus"),
    ],
}
_TEMPERATURES = {  # to kelvin
    "celsius|centigrade|c|°c": (1.0, 273.15),
    "fahrenheit|f|°f": (5 / 9, 459.67 * 5 / 9),
    "kelvin|kelvins|k": (1.0, 0.0),
}


def convert_units(value: float, from_unit: str, to_unit: str) -> dict[str, Any]:
    """Convert a value from one unit to another.

    Args:
        value: Value to convert
        from_unit: Unit of the value
        to_unit: Unit to convert to
    """
    sources, targets = _units(from_unit), _units(to_unit)
    for source in sources:
        for target in targets:
            if source.quantity == target.quantity:
                return {"result": tidy(_convert(value, source, target)), "unit": target.name}
    source, target = sources[0], targets[0]
    raise ValueError(f"{source.name} measure {source.quantity} and {target.name} measure {target.quantity}")


def _convert(value: float, source: Unit, target: Unit) -> float:
    base = value * source.factor + source.offset
    # 1e-9 kelvin: what rounding leaves of absolute zero itself.
    if source.quantity == "temperature" and base < -1e-9:
        raise ValueError(f"{value} {source.name} is below absolute zero")
    # Without an offset the factors are divided first, so that 12 inches are 1 foot exactly.
    return (
        (base - target.offset) / target.factor
        if target.offset or source.offset
        else value * (source.factor / target.factor)
    )


def _units(name: str) -> tuple[Unit, ...]:
    """Return the units that a name can mean ("oz" is a mass, "k" is kilometers or kelvin), most usual first."""
    key = " ".join(name.casefold().rstrip(".").split())
    units = _names().get(key) or _names().get(key.removeprefix("degrees ").removeprefix("degree "))
    if units is None:
        raise ValueError(f"Unknown unit {name!r}; use a unit of {', '.join([*_TABLE, 'temperature'])}")
    return units


@cache
def _names() -> dict[str, tuple[Unit, ...]]:
    units: dict[str, tuple[Unit, ...]] = {}
    for quantity, rows in _TABLE.items():
        for factor, names in rows:
            unit = Unit(names.split("|", 1)[0], quantity, factor)
            for name in names.split("|"):
                units[name.casefold()] = (*units.get(name.casefold(), ()), unit)
    for names, (factor, offset) in _TEMPERATURES.items():
        unit = Unit(names.split("|", 1)[0], "temperature", factor, offset)
        for name in names.split("|"):
            units[name] = (*units.get(name, ()), unit)
    # Ounces and pints of a drink: a mass by name, a volume where the other unit is one.
    units["ounces"] = units["ounce"] = units["oz"] = (*units["ounces"], *units["fluid ounces"])
    return units
