"""Computes what the flow's outputs should be, independently of it: `python3 expected.py > expected.json`.

Standard library only. Sums are added up one by one from the left, as the task does, so that the last digit agrees.
"""

import csv
import json
import pathlib

ROWS = list(csv.DictReader((pathlib.Path(__file__).parent / "seattle-weather.csv").open()))


def total(values):
    result = 0.0
    for value in values:
        result += value
    return result


def extreme(rows, column, best=max):
    row = best(rows, key=lambda row: float(row[column]))
    return {"date": row["date"].replace("/", "-"), "value": float(row[column])}


def summary(name, rows):
    def mean(column):
        return total(float(row[column]) for row in rows) / len(rows)

    year, month = name.split("/")
    return {
        "year": int(year),
        "month": int(month),
        "days": len(rows),
        "mean-max": mean("temp_max"),
        "mean-min": mean("temp_min"),
        "mean-wind": mean("wind"),
        "precipitation": total(float(row["precipitation"]) for row in rows),
        "wet-days": sum(float(row["precipitation"]) > 0 for row in rows),
        "sunny-days": sum(row["weather"] == "sun" for row in rows),
        **extremes(rows),
    }


def extremes(rows):
    return {
        "hottest": extreme(rows, "temp_max"),
        "coldest": extreme(rows, "temp_min", min),
        "wettest": extreme(rows, "precipitation"),
        "windiest": extreme(rows, "wind"),
    }


def table(months, records):
    lines = ["month     days   max °C   min °C    rain mm   wet days   sunny days   wind m/s"]
    for m in months:
        numbers = (m["mean-max"], m["mean-min"], m["precipitation"], m["wet-days"], m["sunny-days"], m["mean-wind"])
        lines.append("%d-%02d %6d" % (m["year"], m["month"], m["days"]) + " %8.1f %8.1f %10.1f %10d %12d %10.1f" % numbers)
    lines.append("")
    for name, unit in [("hottest", "°C"), ("coldest", "°C"), ("wettest", "mm"), ("windiest", "m/s")]:
        lines.append("%-10s%6.1f %-4s%s" % (name, records[name]["value"], unit, records[name]["date"]))
    return "\n".join(lines)


by_month = {}
for row in ROWS:
    by_month.setdefault(row["date"][:7], []).append(row)
months = [summary(name, rows) for name, rows in sorted(by_month.items())]
records = extremes(ROWS)
outputs = {"table": table(months, records), "records": records, "months": months, "dropped": 0}
print(json.dumps(outputs, indent=1, ensure_ascii=False))
