"""stock.picking and stock.move: the transfer a confirmed order makes, and what a change of the order does to it."""

from __future__ import annotations

from collections.abc import Callable

from integration.sandbox.odoo import kits, quantities
from integration.sandbox.odoo.environment import COMPANY_ID, Environment
from integration.sandbox.odoo.errors import user_error
from integration.sandbox.odoo.records import Records, Row, on_records

_RECEIPTS, _DELIVERY_ORDERS = 1, 2
STOCK, CUSTOMERS = 1, 2
"""Locations, in the order in which they are seeded."""
_OPEN = ("draft", "waiting", "confirmed", "assigned")
_NOTHING_SET = (
    "Transfer trouble alert! Validating a zero quantity transfer? You're not moving invisible goods around are you?\n"
    "Set some quantities and let's get moving!"
)
_EMPTY = "You can’t validate an empty transfer. Please add some products to move before proceeding."
_WINDOW = {"type": "ir.actions.act_window", "view_mode": "form", "target": "new"}


def by_order(product: Row) -> bool:
    """Whether what was ordered is invoiced, not what was delivered."""
    return bool(product.get("invoice_policy", "order") == "order")


def converted(env: Environment, quantity: float, unit: int, to: int) -> float:
    """``quantity`` of one unit of measure in another of its kind."""
    units = env.records("uom.uom")
    if unit == to:
        return float(quantity)
    return float(round(quantity * units.existing(unit)["factor"] / units.existing(to)["factor"], 2))


def deliver(env: Environment, order: Row, lines: list[Row]) -> None:
    """Makes the open moves of a confirmed ``order`` equal what its lines want delivered; services are not delivered."""
    for line in lines:
        product = env.records("product.product").row(line.get("product_id") or 0)
        if product is None or product["type"] == "service":
            continue
        wanted = converted(env, line["product_uom_qty"], line["product_uom_id"], product["uom_id"])
        parts = kits.parts(env, product["id"])
        for part in parts:
            bring(env, order, line, part, wanted * part.per_set)
        if not parts:
            bring(env, order, line, kits.Part(product["id"], 1.0, 0), wanted)


def bring(env: Environment, order: Row, line: Row, part: kits.Part, wanted: float) -> None:
    """The open move of the line and part equals what is wanted of it and not yet done."""
    ids = env.database.find("stock.move", "sale_line_id", line["id"])
    moves = [move for id in ids if (move := env.records("stock.move").existing(id)).get("bom_line_id", 0) == part.line]
    moves = [move for move in moves if not came_back(env, move)]
    wanted -= sum(move["quantity"] for move in moves if move["state"] == "done")
    current = next((move for move in moves if move["state"] in _OPEN), None)
    if current is not None and current["product_uom_qty"] != wanted:
        state = current["state"] if wanted > 0 else "cancel"
        changed = {"product_uom_qty": max(wanted, 0.0), "quantity": max(wanted, 0.0), "state": state}
        env.records("stock.move").store(current["id"], changed)
    elif current is None and wanted > 0:
        product = env.records("product.product").existing(part.product)
        _add_move(env, order, line, product, wanted, part.line)


def came_back(env: Environment, move: Row) -> bool:
    """Whether the move is one of a return from the customer."""
    picking = env.records("stock.picking").row(move.get("picking_id") or 0) or {}
    return picking.get("picking_type_code") == "incoming"


def cancel_pickings(env: Environment, order_id: int) -> None:
    """Cancels what is not done of an order's transfers."""
    for picking in env.database.find("stock.picking", "sale_id", order_id):
        for model, ids in (
            ("stock.picking", [picking]),
            ("stock.move", list(env.database.find("stock.move", "picking_id", picking))),
        ):
            records = env.records(model)
            for id in ids:
                if records.existing(id)["state"] in _OPEN:
                    records.store(id, {"state": "cancel"})


def _add_move(env: Environment, order: Row, line: Row, product: Row, quantity: float, bom_line: int) -> None:
    # Goods that are not counted are always there; counted ones wait unless all that is wanted is free.
    waits = product.get("is_storable") and quantities.free(env, product) < quantity
    state = "confirmed" if waits else "assigned"
    picking = env.records("stock.picking").existing(_open_picking(env, order, state))
    env.records("stock.move").create_one(
        {
            "picking_id": picking["id"],
            "product_id": product["id"],
            "product_uom": product["uom_id"],
            "product_uom_qty": quantity,
            "quantity": quantity if state == "assigned" else 0.0,
            "state": state,
            "sale_line_id": line["id"],
            "bom_line_id": bom_line or False,
            "origin": order["name"],
            "reference": picking["name"],
            "date": picking["scheduled_date"],
        }
    )


def _open_picking(env: Environment, order: Row, state: str) -> int:
    pickings = env.records("stock.picking")
    for id in env.database.find("stock.picking", "sale_id", order["id"]):
        if pickings.existing(id)["state"] in _OPEN:
            return id
    return pickings.create_one(
        {
            "state": state,
            "origin": order["name"],
            "sale_id": order["id"],
            "partner_id": order["partner_shipping_id"],
            "carrier_id": order.get("carrier_id", False),
            **_dates(order.get("commitment_date")),
        }
    )


def promise(env: Environment, order_id: int, date: str | bool) -> None:
    """Another date was promised: that is the deadline of open transfers, which stay scheduled as they were."""
    for id in env.database.find("stock.picking", "sale_id", order_id):
        if env.records("stock.picking").existing(id)["state"] in _OPEN:
            env.records("stock.picking").store(id, {"date_deadline": date or env.now[:19]})


def _dates(promised: str | bool | None) -> Row:
    return {"scheduled_date": promised, "date_deadline": promised} if promised else {}


class Picking(Records):
    """A transfer to a customer; done for good once it is validated, but for the tracking number."""

    def defaults(self, values: Row) -> Row:
        now = self.env.now[:19]
        is_receipt = values.get("picking_type_id") == _RECEIPTS
        default = {
            "name": f"WH/{'IN' if is_receipt else 'OUT'}/{values['id']:05d}",
            "state": "draft",
            "picking_type_id": _DELIVERY_ORDERS,
            "picking_type_code": "incoming" if is_receipt else "outgoing",
            "location_id": CUSTOMERS if is_receipt else STOCK,
            "location_dest_id": STOCK if is_receipt else CUSTOMERS,
            "move_type": "direct",
            "priority": "0",
            "scheduled_date": now,
            "date_deadline": now,
            "company_id": COMPANY_ID,
        }
        return super().defaults({**default, **values})

    @on_records
    def button_validate(self) -> bool | Row:
        """Done: all that was picked, or everything with a quantity where nobody picked; the rest is a backorder.

        Of a transfer that the context names in ``picking_ids_not_to_backorder`` the rest is given up.

        Unless the context says ``skip_backorder`` and ``skip_sms``, a transfer that falls short and a customer with a
        phone are asked about first: the answer is the window that asks, and nothing is done.
        """
        waiting = [id for id in self.ids if self.existing(id)["state"] != "done"]
        for id in waiting:
            self._check_quantities(id)
            self._pick(id)
        question = self._question(waiting)
        if question is not None:
            return question
        for id in waiting:
            self._finish(id)
        return True

    @on_records
    def action_confirm(self) -> bool:
        """What takes back moves that have left waits until it is reserved; one that is confirmed stays as it is."""
        return self._ready("draft", lambda move: "waiting" if move.get("move_orig_ids") else "assigned")

    @on_records
    def action_assign(self) -> bool:
        return self._ready("waiting", lambda _: "assigned")

    def _ready(self, before: str, after: Callable[[Row], str]) -> bool:
        for id in self.ids:
            for move in self._moves(id):
                if move["state"] == before:
                    state = after(move)
                    quantity = move["product_uom_qty"] if state == "assigned" else 0.0
                    self.env.records("stock.move").store(move["id"], {"state": state, "quantity": quantity})
            self.follow(id)
        return True

    @on_records
    def action_cancel(self) -> bool:
        """Gives up what of the transfers is not done; the order stays as it is."""
        for id in self.ids:
            if self.existing(id)["state"] == "done":
                raise user_error("You cannot cancel a stock move that has been set to 'Done'.")
            for move in self._waiting(id):
                self.env.records("stock.move").store(move["id"], {"state": "cancel"})
            self.store(id, {"state": "cancel"})
            self._touch_order(id)
        return True

    def compute_carrier_tracking_url(self, row: Row) -> str | bool:
        carrier = self.env.records("delivery.carrier").row(row.get("carrier_id") or 0) or {}
        reference, pattern = row.get("carrier_tracking_ref"), carrier.get("tracking_url")
        return pattern.replace("<shipmenttrackingnumber>", reference) if pattern and reference else False

    def follow(self, id: int) -> None:
        """The state that the moves give; every change of a move is one of its transfer.

        One from a customer says that it is ready although its moves are not reserved (seen in Odoo 19).
        """
        states = {move["state"] for move in self._moves(id)} - {"cancel"}
        if self.existing(id)["picking_type_code"] == "incoming":
            states = {"assigned" if state == "waiting" else state for state in states}
        rank = ("assigned", "confirmed", "waiting", "draft", "done")
        self.store(id, {"state": next((state for state in rank if state in states), "cancel")})

    def _moves(self, id: int) -> list[Row]:
        moves = self.env.records("stock.move")
        return [moves.existing(move) for move in self.lines(id, self.model.fields["move_ids"])]

    def _waiting(self, id: int) -> list[Row]:
        return [move for move in self._moves(id) if move["state"] not in ("done", "cancel")]

    def _check_quantities(self, id: int) -> None:
        if not self._moves(id):
            raise user_error(_EMPTY)
        moves = self._waiting(id)
        counted = [move for move in moves if move["picked"]] or moves
        if not any(move["quantity"] for move in counted):
            raise user_error(_NOTHING_SET)

    def _pick(self, id: int) -> None:
        moves = self._waiting(id)
        if not any(move["picked"] for move in moves):
            for move in moves:
                self.env.records("stock.move").store(move["id"], {"picked": True})

    def _question(self, ids: list[int]) -> Row | None:
        context = {**self.env.context, "button_validate_picking_ids": ids}
        short = [id for id in ids if any(map(_falls_short, self._waiting(id)))]
        if short and not context.get("skip_backorder"):
            asked = {"default_show_transfers": len(ids) > 1, "default_pick_ids": [[4, id] for id in short]}
            view = {"name": "Create Backorder?", "views": [[943, "form"]], "view_id": 943}
            return {**_WINDOW, **view, "res_model": "stock.backorder.confirmation", "context": {**context, **asked}}
        if not context.get("skip_sms") and any(map(self._has_phone, ids)):
            view = {"name": "SMS", "views": [[1126, "form"]], "view_id": 1126, "res_id": 1}
            return {**_WINDOW, **view, "res_model": "confirm.stock.sms", "context": context}
        return None

    def _has_phone(self, id: int) -> bool:
        partner = self.env.records("res.partner").row(self.existing(id).get("partner_id") or 0)
        return bool(partner and partner.get("phone"))

    def _finish(self, id: int) -> None:
        moves = self.env.records("stock.move")
        behind = []
        given_up = id in (self.env.context.get("picking_ids_not_to_backorder") or ())
        for move in self._waiting(id):
            if not move["picked"] or move["quantity"] <= 0:
                if given_up:
                    moves.store(move["id"], {"state": "cancel"})
                else:
                    behind.append(move["id"])
                continue
            rest = 0 if given_up else move["product_uom_qty"] - move["quantity"]
            if rest > 0:
                moves.store(move["id"], {"product_uom_qty": move["quantity"]})
                behind.append(moves.create_one(_remainder(move, rest)))
            moves.store(move["id"], {"state": "done", "date": self.env.now[:19]})
            self._add_to_order(id, move)
        if behind:
            self._leave_behind(id, behind)
        self.store(id, {"state": "done", "date_done": self.env.now[:19]})
        self._touch_order(id)

    def _touch_order(self, id: int) -> None:
        """The order's delivery status is stored with it, so its write_date moves."""
        if order := self.existing(id).get("sale_id"):
            self.env.records("sale.order").store(order, {})

    def _add_to_order(self, id: int, move: Row) -> None:
        """What somebody added to an order's transfer belongs to the line of that product, or to a new one of none."""
        order = self.existing(id).get("sale_id")
        if not order or move.get("sale_line_id"):
            return
        lines = self.env.records("sale.order.line")
        same = [["order_id", "=", order], ["product_id", "=", move["product_id"]]]
        found: list[int] = lines.search(same, limit=1)
        if not found:
            values = {"order_id": order, "product_id": move["product_id"], "product_uom_qty": 0.0}
            if by_order(self.env.records("product.product").existing(move["product_id"])):
                values["price_unit"] = 0.0
            found = [Records.create_one(lines, values)]  # an order line's own would deliver the order anew
        self.env.records("stock.move").store(move["id"], {"sale_line_id": found[0]})

    def _leave_behind(self, id: int, moves: list[int]) -> None:
        """A transfer for what did not leave; goods that are not counted are ready again."""
        copied = ["origin", "sale_id", "partner_id", "carrier_id", "note", "scheduled_date", "date_deadline"]
        copied += ["picking_type_id", "location_id", "location_dest_id"]
        picking = self.existing(id)
        values = {name: picking[name] for name in copied if picking.get(name)}
        backorder = self.existing(self.create_one({**values, "backorder_id": id}))
        records = self.env.records("stock.move")
        for move in map(records.existing, moves):
            changed = {"picking_id": backorder["id"], "reference": backorder["name"], "picked": False}
            if not self.env.records("product.product").existing(move["product_id"]).get("is_storable"):
                changed |= {"quantity": move["product_uom_qty"], "state": "assigned"}
            records.store(move["id"], changed)
        self.follow(backorder["id"])


def _falls_short(move: Row) -> bool:
    return bool(move["product_uom_qty"]) and (not move["picked"] or move["quantity"] < move["product_uom_qty"])


def _remainder(move: Row, quantity: float) -> Row:
    kept = ["picking_id", "product_id", "product_uom", "sale_line_id", "bom_line_id"]
    kept += ["origin", "reference", "date", "sequence", "origin_returned_move_id", "to_refund"]
    values = {name: move[name] for name in kept if move.get(name)}
    return {**values, "product_uom_qty": quantity, "quantity": 0.0, "state": "confirmed"}


class Move(Records):
    def defaults(self, values: Row) -> Row:
        default = {
            "picked": False,
            "company_id": COMPANY_ID,
            "sequence": 10,
            "product_uom_qty": 0.0,
            "quantity": 0.0,
            "state": "draft",
            "date": self.env.now[:19],
        }
        if values.get("product_id"):
            default["product_uom"] = self.env.records("product.product").existing(values["product_id"])["uom_id"]
        return super().defaults({**default, **values})

    def write_one(self, id: int, values: Row) -> None:
        """Of a move that is done, too: what was delivered changes with it.  Another product leaves its order line."""
        before = self.existing(id)
        super().write_one(id, values)
        if values.get("product_id", before["product_id"]) != before["product_id"]:
            self.store(id, {"sale_line_id": values.get("sale_line_id", False)})
        move = self.existing(id)
        if "quantity" in values and not move["quantity"] and move["state"] == "assigned":
            self.store(id, {"state": "confirmed"})
        pickings = self.env.records("stock.picking")
        assert isinstance(pickings, Picking)
        if move.get("picking_id"):
            pickings.follow(move["picking_id"])

    def compute_picking_code(self, row: Row) -> str | bool:
        picking = self.env.records("stock.picking").row(row.get("picking_id") or 0) or {}
        code: str | bool = picking.get("picking_type_code", False)
        return code

    def label(self, row: Row) -> str:
        product = self.env.records("product.product").existing(row["product_id"])
        return f"{row.get('origin') or ''}/{product.get('default_code') or product['name']}: Stock>Customers"


class PickingType(Records):
    def label(self, row: Row) -> str:
        warehouse = self.env.database.row("stock.warehouse", row.get("warehouse_id") or 0)
        return f"{warehouse['name']}: {row['name']}" if warehouse else str(row["name"])


class ReturnPicking(Records):
    """stock.return.picking: the window in which people take back a transfer that has left."""

    def defaults(self, values: Row) -> Row:
        return super().defaults({"picking_id": self.env.context.get("active_id", False), **values})

    @on_records
    def action_create_returns_all(self) -> Row:
        """A transfer back of all that had left, ready to be received."""
        [wizard] = map(self.existing, self.ids)
        pickings, moves = self.env.records("stock.picking"), self.env.records("stock.move")
        left = pickings.existing(wizard["picking_id"])
        copied = {name: left[name] for name in ("origin", "sale_id", "partner_id") if left.get(name)}
        id = pickings.create_one({**copied, "picking_type_id": _RECEIPTS})
        pickings.store(id, {"state": "assigned", "return_id": left["id"]})
        for move in map(moves.existing, sorted(self.env.database.find("stock.move", "picking_id", left["id"]))):
            if move["state"] == "done":
                same = {name: move[name] for name in ("product_id", "product_uom", "sale_line_id", "bom_line_id")}
                counted = {"product_uom_qty": move["quantity"], "quantity": move["quantity"], "state": "assigned"}
                origin = {"origin_returned_move_id": move["id"], "to_refund": True}
                moves.create_one(
                    {"picking_id": id, **origin, **counted, **{name: value for name, value in same.items() if value}}
                )
        shown = {"res_model": "stock.picking", "res_id": id, "view_mode": "form", "context": {}}
        return {"type": "ir.actions.act_window", "name": "Returned Picking", **shown}
