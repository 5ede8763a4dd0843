"""The official SDK's client against mrrd's tools for assistants: `assistant.py ADDRESS TOKEN QUESTIONS BINARY CONFIGURATION`.

QUESTIONS is a table: a tool with arguments, what of its answer says it, and what the API says. Amounts are in units with their currency
in the one, exact minor units in the other. What was seen is printed as one JSON object.
"""

import asyncio
import json
import re
import sys
from decimal import Decimal
from urllib.parse import quote

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

address, token, questions, binary, configuration = sys.argv[1:6]
MINOR = {"jpy": 0}
# What this account has none of today.
ABSENT = object()


def at(value, path):
    """What lies at `a.0.b` of an answer; `#` is how many there are."""
    around = []
    for step in path.split("."):
        around.append(value)
        try:
            value = len(value) if step == "#" else value[int(step)] if isinstance(value, list) else value[step]
        except (IndexError, KeyError, TypeError):
            return ABSENT, None, {}
    currencies = [one["currency"] for one in around if isinstance(one, dict) and one.get("currency")]
    return value, currencies[-1] if currencies else None, around[-1]


def units(minor, currency):
    """`1234.56 USD` of exact minor units: at least as many places as the currency has, and all there are."""
    digits = MINOR.get(currency, 2)
    amount = Decimal(minor).scaleb(-digits)
    places = max(digits, -amount.normalize().as_tuple().exponent)
    return f"{amount:.{places}f} {currency.upper()}"


def expected(question, answer):
    value, currency, around = at(answer, question["is"])
    if value is ABSENT or value is None:
        return value
    if question["as"] == "money":
        return units(value, currency)
    if question["as"] == "total":
        return value if around["line"] in ("customers", "subscriptions", "trials") else units(value, currency)
    return str(value) if question["as"] == "number" else value


def numbers(value, path=""):
    """Where an answer has a bare number."""
    if isinstance(value, dict):
        return [found for name, field in value.items() for found in numbers(field, f"{path}.{name}")]
    if isinstance(value, list):
        return [found for index, one in enumerate(value) for found in numbers(one, f"{path}.{index}")]
    return [path] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


def ids(value, name):
    if isinstance(value, dict):
        here = [value[name]] if isinstance(value.get(name), str) else []
        return here + [one for field in value.values() for one in ids(field, name)]
    return [found for one in value for found in ids(one, name)] if isinstance(value, list) else []


def filled(value, places):
    if isinstance(value, dict):
        return {name: filled(field, places) for name, field in value.items()}
    if isinstance(value, str):
        return re.sub(r"\{([^}]+)\}", lambda found: places[found.group(1)], value)
    return value


async def main():
    headers = {"authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=120) as http:

        async def api(path):
            answer = await http.get(f"{address}{path}")
            assert answer.status_code == 200, f"{path}: {answer.text}"
            return answer.json()

        months = (await api("/api/v1/mrr"))["data"]
        first = (await api("/api/v1/customers?sort=mrr&limit=1"))["data"][0]
        places = {"customer.id": first["id"], "customer.name": first["name"], "event": (await api("/api/v1/events?limit=1"))["data"][0]["id"]}
        for back in range(3):
            places |= {f"m{back}.from": months[-1 - back]["start"], f"m{back}.to": months[-1 - back]["end"], f"m{back}.month": months[-1 - back]["start"][:7]}
        quoted = {name: quote(value) for name, value in places.items()}
        table = [json.loads(line) for line in open(questions)]
        seen = {"asked": 0, "absent": [], "wrong": [], "numbers": [], "lacking": [], "untraced": [], "links": []}
        kept, linked = {}, set()

        async def answered(client, question):
            arguments = filled(question["arguments"], places)
            key = (question["tool"], json.dumps(arguments))
            if key not in kept:
                result = await client.call_tool(question["tool"], arguments)
                assert not result.is_error, f"{key}: {result.content}"
                kept[key] = result.structured_content
                assert json.loads(result.content[0].text) == result.structured_content
            return kept[key]

        async def ask(client, question):
            said = await answered(client, question)
            told = await api(filled(question["api"], quoted))
            is_said, should = at(said, question["says"])[0], expected(question, told)
            if is_said != should:
                seen["wrong"].append([question["ask"], str(is_said), str(should)])
            elif should is ABSENT:
                seen["absent"].append(question["ask"])
            else:
                seen["asked"] += 1
            seen["numbers"] += numbers(said)
            if question["tool"] != "rules" and not all(said.get(name) for name in ("profile", "definition", "link", "traced_to")):
                seen["lacking"].append(question["ask"])
            if question["tool"] in ("movements", "committed"):
                missing = set(ids(told["data"], "customer")) - set(said["traced_to"]["customers"])
                if missing and said["traced_to"]["complete"]:
                    seen["untraced"].append([question["ask"], sorted(missing)])
            if question["tool"] in ("mrr", "metrics") and "from" in question["arguments"] and not said["traced_to"]["events"]:
                # In a small account a currency may stand still for a month: then no event lies behind it.
                asked = filled(question["arguments"], places)
                span = "&".join(f"{name}={quote(asked[name])}" for name in ("from", "to", "currency") if name in asked)
                moved = (await api(f"/api/v1/movements?{span}&limit=1000"))["data"]
                if any(movement["kind"] != "fx" for movement in moved):
                    seen["untraced"].append([question["ask"], "no events"])
            linked.add(said["link"])

        async with Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client:
            tools = (await client.list_tools()).tools
            seen["tools"] = [tool.name for tool in tools]
            seen["all read only"] = all(tool.annotations.read_only_hint for tool in tools)
            seen["instructions"] = client.instructions
            for question in table:
                await ask(client, question)
            refused = {}
            for what, tool, arguments in [
                ("a parameter that there isn't", "mrr", {"form": "2026-01-01"}),
                ("a day that there isn't", "mrr", {"from": "2026-02-30"}),
                ("nobody", "customer", {"id": "cus_nobody"}),
            ]:
                result = await client.call_tool(tool, arguments)
                refused[what] = result.content[0].text if result.is_error else None
            seen["refused"] = refused
        for link in sorted(linked):
            answer = await http.get(link)
            if answer.status_code != 200:
                seen["links"].append([link, answer.status_code])

    # The same over standard streams, over the same database, with names hidden.
    kept.clear()
    hidden = {"MRRD_PRIVACY__SHOW_NAMES": "false"}
    started = StdioServerParameters(command=binary, args=["--config", configuration, "mcp"], env=hidden)
    async with httpx2.AsyncClient(headers=headers, timeout=120) as http, Client(started) as client:
        seen["tools over standard streams"] = [tool.name for tool in (await client.list_tools()).tools]
        for question in [one for one in table if one["ask"] in ("What did MRR close with last month?", "What is ARR?", "What does this customer pay?")]:
            await ask(client, question)
        result = await client.call_tool("customer", {"id": first["id"]})
        seen["name where names are hidden"] = result.structured_content["customer"].get("name")
    print(json.dumps(seen))


asyncio.run(main())
