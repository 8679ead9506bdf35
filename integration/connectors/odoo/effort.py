"""What calls ask of Odoo's processors: which go alone, and how many places bulk ones take.

A place is a call for one object, of whatever kind.  A bulk call takes more where its work is that of several: one that
writes objects or confirms them takes an eighth of one for each further object, one that reads them or writes a date
hardly any.  Confirmations, the dearest, are bounded otherwise, too: one at a time in the whole fleet.

Measured with Odoo 19 (sale, stock, delivery, mrp; orders of five lines of stored products, customers with two
addresses): seconds of processor time of Odoo and its Postgres for one call, on a machine that was four times slower
than a quiet one, so that only their proportions count.

====================================  =====  =====  =====  =====  ===============================
a call for so many objects                1      4     16     48  16: of a confirmation, for each
====================================  =====  =====  =====  =====  ===============================
``action_confirm``                     0.52   1.40   5.02   13.5                             0.61
``load`` of orders                     0.27   0.59   1.83   4.33                             0.22
``load`` of customers with addresses   0.16   0.44   1.41   4.07                             0.17
``load`` of dates by ids (``.id``)     0.04   0.05   0.15   0.40                             0.02
``read``                               0.05   0.05   0.07   0.07                             0.01
``search_read`` by e-mail address      0.02   0.03   0.04   0.06                             0.01
====================================  =====  =====  =====  =====  ===============================
"""

from __future__ import annotations

from typing import Any

from integration.connectors.contract import Request

WRITTEN, READ = 0.125, 0.02


def manner(request: Request, size: int) -> dict[str, Any]:
    """How a call for so many objects goes through the `Gate`."""
    bulk = {"size": size, "share": _share(request)} if size > 1 else {}
    return bulk | ({"alone": True} if _goes_alone(request) else {})


def _share(request: Request) -> float:
    """What part of a place each further object takes for which the call is made."""
    method = request.path.rpartition("/")[2]
    writes = method == "action_confirm" or (method == "load" and ".id" not in request.body["fields"])
    return WRITTEN if writes else READ


def _goes_alone(request: Request) -> bool:
    """Whether the call is one that Odoo does badly side by side with others of its kind.

    Confirmations of the same products wait for each other, and run into conflicts: one client confirms 5 orders/s, four
    of them 3.5 (Odoo 19).
    """
    return request.path.endswith("/action_confirm")
