"""The page people see when they open the sandbox: what it is, what it plays, and the latest orders."""

from __future__ import annotations

from typing import Any

from flask import render_template_string

from integration.sandbox.clarity import Clarity
from integration.sandbox.faults import Faults
from integration.sandbox.systems import Systems

SHOWN = 20

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox · clarity-fleet</title>
<style>
  :root { color-scheme: light dark; --ink: #1d2733; --soft: #5d6b7a; --line: #dde3ea; --paper: #fff; --ground: #f4f6f9;
          --mark: #0b6bcb; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e6ebf1; --soft: #98a6b5; --line: #2e3a47; --paper: #18212b;
          --ground: #10171f; --mark: #62b0ff; } }
  * { box-sizing: border-box }
  body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
  main { max-width: 72rem; margin: 0 auto; padding: 2rem 1rem 4rem }
  h1 { margin: 0; font-size: 1.7rem } h2 { margin: 0 0 .6rem; font-size: 1.1rem }
  p.note { margin: .3rem 0 1.5rem; color: var(--soft); max-width: 60rem }
  .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .8rem;
           margin-bottom: 1.5rem }
  .tile, section { background: var(--paper); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem }
  .tile b { display: block; font-size: 1.6rem; line-height: 1.2 } .tile span { color: var(--soft) }
  section { margin-bottom: 1.2rem; overflow-x: auto }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap }
  tr:last-child td { border-bottom: 0 } th { color: var(--soft); font-weight: 500 }
  td.money { text-align: right; font-variant-numeric: tabular-nums }
  code { font: 13px/1.5 ui-monospace, monospace } a { color: var(--mark) }
  .status { border: 1px solid var(--line); border-radius: 1rem; padding: .05rem .6rem; font-size: .85rem }
  .empty { color: var(--soft) }
</style>
</head>
<body><main>
<h1>Sandbox</h1>
<p class="note">Fake systems that clarity-fleet is tried and tested against, over real HTTP. What answers as Clarity
eCommerce here follows <strong>our sandbox contract, not the vendor's</strong>; what answers as Odoo follows recordings
of an Odoo 19 server; what answers as Oracle Fusion follows its documentation and example exchanges, no live pod.
Nothing on this page is a real order or a real customer.</p>
<div class="tiles">
{% for name, count in tiles %}<div class="tile"><b>{{ count }}</b><span>{{ name }}</span></div>{% endfor %}
</div>
{% for title, columns, rows in tables %}
<section><h2>{{ title }}</h2>
{% if rows %}<table><thead><tr>{% for column in columns %}<th>{{ column }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr>{% for cell in row %}
<td{% if columns[loop.index0] == 'Total' %} class="money"{% endif %}>
{%- if columns[loop.index0] == 'Status' %}<span class="status">{{ cell }}</span>{% else %}{{ cell }}{% endif %}</td>
{%- endfor %}</tr>
{% endfor %}</tbody></table>
{% else %}<p class="empty">None yet.</p>{% endif %}
</section>
{% endfor %}
<section><h2>Routes</h2><table><tbody>
{% for route, meaning in routes %}<tr><td><code>{{ route }}</code></td><td>{{ meaning }}</td></tr>{% endfor %}
<tr><td><a href="_sandbox/ledger"><code>GET /_sandbox/ledger</code></a></td><td>what really took effect</td></tr>
</tbody></table></section>
</main></body></html>
"""

ROUTES = (
    ("/clarity/api/v1", "the shop's API: orders, status, customers, products, webhook deliveries"),
    ("/clarity/oauth/token", "its tokens, by client credentials"),
    ("/odoo/json/2/<model>/<method>", "the ERP over JSON-2"),
    ("/odoo/jsonrpc", "the ERP over JSON-RPC"),
    ("/fusion/fscmRestApi/resources/11.13.18.05/salesOrdersForOrderHub", "the other ERP: its sales orders"),
    ("/fusion/oauth2/v1/token", "its tokens, by client credentials"),
    ("POST /_sandbox/orders/demo", "a dozen varied orders"),
    ("POST /_sandbox/orders/generate", "{count, seed, traits}: as many as you like"),
    ("POST /_sandbox/fusion/advance", "{orders, steps, split}: its orders move on, to shipped, billed and paid"),
    ("POST /_sandbox/faults", "{target, kind, rate, duration, times}: things that go wrong"),
)


def render(systems: Systems, faults: Faults) -> str:
    """The page as HTML."""
    tiles: list[tuple[str, int]] = []
    tables: list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]] = []
    if systems.clarity:
        shop = systems.clarity.ledger()
        tiles += [
            ("orders at the shop", len(shop["orders"])),
            ("status pushes", sum(not push["replayed"] for push in shop["status_pushes"])),
            ("webhooks delivered", shop["webhooks"]["delivered"]),
            ("webhooks waiting", shop["webhooks"]["pending"]),
        ]
        columns = ("Number", "Status", "Placed", "Lines", "Total")
        tables.append(("Latest orders at the shop", columns, _at_shop(systems.clarity)))
    if systems.odoo:
        orders = systems.odoo.ledger()["orders"]
        tiles.append(("orders at Odoo", len(orders)))
        tables.append(("Latest orders at Odoo", ("Number", "Status", "Reference", "Total"), _at_odoo(orders)))
    if systems.fusion:
        orders = systems.fusion.ledger()["orders"]
        tiles.append(("orders at Fusion", len(orders)))
        tables.append(
            ("Latest orders at Fusion", ("Number", "Status", "Reference", "Lines", "Total"), _at_fusion(orders))
        )
    tiles.append(("faults in force", sum(fault["active"] for fault in faults.list())))
    return render_template_string(TEMPLATE, tiles=tiles, tables=tables, routes=_routes(systems))


def _routes(systems: Systems) -> list[tuple[str, str]]:
    absent = {"clarity", "odoo", "fusion"} - {name for name, _ in systems.played()}
    return [(route, meaning) for route, meaning in ROUTES if not any(f"/{name}/" in route for name in absent)]


def _at_shop(clarity: Clarity) -> list[tuple[Any, ...]]:
    return [
        (
            order.get("number"),
            order.get("status"),
            order.get("placedAt"),
            len(order.get("lines") or ()),
            f"{(order.get('totals') or {}).get('grandTotal')} {order.get('currency')}",
        )
        for order in clarity.latest(SHOWN)
    ]


def _at_odoo(orders: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    latest = orders[: -SHOWN - 1 : -1]
    return [(order["name"], order["state"], order["client_order_ref"], order["amount_total"]) for order in latest]


def _at_fusion(orders: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The lines' statuses say more than the order's, which is Processing for most of its life."""
    rows = []
    for order in orders[: -SHOWN - 1 : -1]:
        lines = ", ".join(sorted({line["status"] for line in order["lines"]}))
        total = f"{order['totals']['total']} {order['currency']}"
        rows.append((order["number"], order["status"], order["source_number"], lines, total))
    return rows
