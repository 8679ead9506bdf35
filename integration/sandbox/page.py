"""The page people see when they open the sandbox: what it is, what it plays, and the latest orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import render_template_string, request

from integration.sandbox.clarity import Clarity
from integration.sandbox.clarity.money import rounded
from integration.sandbox.control import Control
from integration.sandbox.faults import Faults
from integration.sandbox.systems import Systems

SHOWN = 20
ERP_COLUMNS = ("Number", "Shop's number", "Status", "Total")

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
  .money { text-align: right; padding-right: 0; font-variant-numeric: tabular-nums }
  code { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere } a { color: var(--mark) }
  .routes td { white-space: normal } pre { overflow-x: auto; margin: .6rem 0 1rem }
  .status { display: inline-block; border: 1px solid var(--line); border-radius: 1rem; padding: .05rem .6rem;
            font-size: .85rem }
  .empty { color: var(--soft) }
  @media (max-width: 40rem) {
    main { padding: 1rem .5rem 3rem } .tiles { grid-template-columns: repeat(2, 1fr) } .wide { display: none }
    table { font-size: .87rem } th, td { white-space: normal; padding-right: .5rem } .money { padding-right: 0 }
    .status { padding: 0 .4rem; font-size: .75rem; overflow-wrap: anywhere }
    .routes td { display: block; border: 0; padding: 0 } .routes td + td { padding-bottom: .6rem }
    pre { white-space: pre-wrap; overflow-wrap: anywhere }
  }
</style>
</head>
<body><main>
<h1>Sandbox</h1>
<p class="note">Fake systems that clarity-fleet is tried and tested against, over real HTTP. What answers as Clarity
eCommerce here follows <strong>our sandbox contract, not the vendor's</strong>; what answers as Odoo follows recordings
of an Odoo 19 server; what answers as Oracle Fusion follows its documentation and example exchanges, no live pod.
Nothing on this page is a real order or a real customer.</p>
<div id="live">
<div class="tiles">
{% for name, count in tiles %}<div class="tile"><b>{{ count }}</b><span>{{ name }}</span></div>{% endfor %}
</div>
{% for title, columns, rows in tables %}
<section><h2>{{ title }}</h2>
{% if rows %}<table><thead><tr>
{%- for column in columns %}<th class="{{ classes[column] }}">{{ column }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr>{% for column, cell in zip(columns, row) %}<td class="{{ classes[column] }}">
{%- if column == 'Status' %}<span class="status">{{ cell }}</span>{% else %}{{ cell }}{% endif %}</td>
{%- endfor %}</tr>
{% endfor %}</tbody></table>
{% else %}<p class="empty">None yet.</p>{% endif %}
</section>
{% endfor %}
</div>
<section><h2>What it plays</h2><table class="routes"><tbody>
{% for route, meaning in played %}<tr><td><code>{{ route }}</code></td><td>{{ meaning }}</td></tr>
{% endfor %}</tbody></table></section>
<section><h2>What you may do with it</h2>
{% if guarded %}<p>Send the sandbox's token in <code>X-Sandbox-Token</code>; <code>./fleet urls</code> prints it as
<em>token for /_sandbox</em>. On this machine the <a href="_sandbox/ledger">ledger</a> needs none.</p>
{% else %}<p>No token is asked for. See the <a href="_sandbox/ledger">ledger</a>.</p>{% endif %}
<pre><code>curl -X POST {% if guarded %}-H "X-Sandbox-Token: $TOKEN" {% endif %}{{ root }}_sandbox/orders/demo
curl {% if guarded %}-H "X-Sandbox-Token: $TOKEN" {% endif %}--json '{"count": 3}' {{ root -}}
_sandbox/orders/generate</code></pre>
<table class="routes"><tbody>
{% for route, meaning in control %}<tr><td><code>{{ route }}</code></td><td>{{ meaning }}</td></tr>
{% endfor %}</tbody></table></section>
</main>
<script>
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(location.href);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
    if (fresh) document.getElementById("live").replaceWith(fresh);
  }, 5000);
</script>
</body></html>
"""

CLASSES = {"Total": "money", "Placed": "wide", "Lines": "wide"}
"""What is to be said of a column in the style sheet; ``wide`` ones are left out on a phone."""

PLAYED = (
    ("/clarity/api/v1", "Clarity's API: orders, status, shipments, invoices, customers, products, webhook deliveries"),
    ("/clarity/oauth/token", "its tokens, by client credentials"),
    ("/odoo/json/2/<model>/<method>", "the ERP over JSON-2"),
    ("/odoo/jsonrpc", "the ERP over JSON-RPC"),
    ("/fusion/fscmRestApi/resources/11.13.18.05/salesOrdersForOrderHub", "the other ERP: its sales orders"),
    ("/fusion/oauth2/v1/token", "its tokens, by client credentials"),
)


def render(systems: Systems, faults: Faults, control: Control) -> str:
    """The page as HTML."""
    tiles: list[tuple[str, int]] = []
    tables: list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]] = []
    if systems.clarity:
        shop = systems.clarity.ledger()
        tiles += [
            ("orders in Clarity", len(shop["orders"])),
            ("status pushes", sum(not push["replayed"] for push in shop["status_pushes"])),
            ("shipments there", len(shop["shipments"])),
            ("invoices there", len(shop["invoices"])),
            ("webhooks delivered", shop["webhooks"]["delivered"]),
            ("webhooks waiting", shop["webhooks"]["pending"]),
        ]
        columns = ("Number", "Status", "Placed", "Lines", "Total")
        tables.append(("Latest orders in Clarity", columns, _in_clarity(systems.clarity)))
    if systems.odoo:
        orders = systems.odoo.ledger()["orders"]
        tiles.append(("orders at Odoo", len(orders)))
        tables.append(("Latest orders at Odoo", ERP_COLUMNS, _at_odoo(orders)))
    if systems.fusion:
        orders = systems.fusion.ledger()["orders"]
        tiles.append(("orders at Fusion", len(orders)))
        tables.append(("Latest orders at Fusion", ERP_COLUMNS, _at_fusion(orders)))
    tiles.append(("faults in force", sum(fault["active"] for fault in faults.list())))
    return render_template_string(
        TEMPLATE,
        tiles=tiles,
        tables=tables,
        classes=CLASSES,
        zip=zip,
        played=_played(systems),
        control=control.described(),
        guarded=control.guarded,
        root=request.url_root,
    )


def _played(systems: Systems) -> list[tuple[str, str]]:
    names = [name for name, _ in systems.played()]
    return [(route, meaning) for route, meaning in PLAYED if route.split("/")[1] in names]


def _in_clarity(clarity: Clarity) -> list[tuple[Any, ...]]:
    return [
        (
            order.get("number"),
            order.get("status"),
            str(order.get("placedAt"))[:16].replace("T", " "),
            len(order.get("lines") or ()),
            f"{(order.get('totals') or {}).get('grandTotal')} {order.get('currency')}",
        )
        for order in clarity.latest(SHOWN)
    ]


def _at_odoo(orders: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (order["name"], order["origin"] or "", order["state"], _money(order["amount_total"], order["currency"]))
        for order in orders[: -SHOWN - 1 : -1]
    ]


def _at_fusion(orders: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The lines' statuses say more than the order's, which is Processing for most of its life."""
    rows = []
    for order in orders[: -SHOWN - 1 : -1]:
        statuses = [order["status"], *sorted({line["status"] for line in order["lines"]})]
        total = _money(order["totals"]["total"], order["currency"])
        rows.append((order["number"], order["source_number"], " · ".join(statuses), total))
    return rows


def _money(amount: float | str, currency: str) -> str:
    return f"{rounded(Decimal(str(amount)), currency)} {currency}"
