"""What people and tests may ask of the fake systems under ``/_sandbox``: new orders, failures, the passing of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from flask import Response, jsonify, request

from integration.sandbox.clarity import Clarity, demo, generate
from integration.sandbox.clarity.problems import invalid, json_body
from integration.sandbox.fusion import Failure, Fusion, Manner
from integration.sandbox.odoo import Manner as OdooManner
from integration.sandbox.odoo import Odoo, OdooError

MOST_AT_ONCE = 20_000

Routes = Iterator[tuple[str, str, Callable[..., Any]]]


class Shop:
    """Orders at a fake shop, below a path."""

    def __init__(self, clarity: Clarity, path: str = "") -> None:
        self._clarity = clarity
        self._path = path

    def routes(self) -> Routes:
        yield "POST", f"{self._path}/orders", self.place
        yield "POST", f"{self._path}/orders/generate", self.generate
        yield "POST", f"{self._path}/orders/demo", self.demo
        yield "PATCH", f"{self._path}/orders/<path:id>", self.change
        yield "POST", f"{self._path}/orders/<path:id>/cancel", self.cancel
        yield "POST", f"{self._path}/orders/<path:id>/payments", self.take_payments
        yield "PATCH", f"{self._path}/payments/<id>", self.change_payment
        yield "POST", f"{self._path}/customers", self.register
        yield "PATCH", f"{self._path}/customers/<id>", self.correct
        yield "POST", f"{self._path}/customers/<id>/merge", self.merge
        yield "POST", f"{self._path}/products", self.offer
        yield "POST", f"{self._path}/products/generate", self.invent_products
        yield "PATCH", f"{self._path}/products/<id>", self.revise
        yield "DELETE", f"{self._path}/products/<id>", self.withdraw
        yield "POST", f"{self._path}/orders/<path:id>/returns", self.ask_return
        yield "PATCH", f"{self._path}/returns/<id>", self.decide_return

    def place(self) -> tuple[Response, int]:
        """Stores a full order, right or wrong, with the id it brings or a new one.

        With ``?in_stock=1`` only where Clarity shows enough: else 409.
        """
        in_stock = bool(request.args.get("in_stock"))
        return jsonify(self._clarity.place([json_body()], in_stock=in_stock)[0]), 201

    def generate(self) -> tuple[Response, int]:
        """``{count, seed, traits, in_stock}``: as many made-up orders as you like; 409 for what is not in stock."""
        body = json_body()
        count = _count(body)
        try:
            drafts = generate.generate(count, body.get("seed", 0), list(body.get("traits") or ()))
        except generate.UnknownTrait as error:
            raise invalid(("/traits", str(error))) from error
        placed = self._clarity.place(drafts, in_stock=bool(body.get("in_stock")))
        return jsonify([_summary(order) for order in placed]), 201

    def demo(self) -> tuple[Response, int]:
        """A dozen varied orders, each with its story."""
        body = json_body() if request.content_length else {}
        stories = demo.stories(body.get("seed", 0))
        placed = self._clarity.place([order for _, order in stories])
        shown = [{**_summary(order), "story": story} for order, (story, _) in zip(placed, stories, strict=True)]
        return jsonify(shown), 201

    def change(self, id: str) -> Response:
        """Changes the order by a merge patch; with ``?settle=1`` every amount is computed anew."""
        patch = json_body(("application/json", "application/merge-patch+json"))
        try:
            return jsonify(self._clarity.change(id, patch, settle=bool(request.args.get("settle"))))
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise invalid(("", "the patched order has parts that are missing or no amounts")) from error

    def cancel(self, id: str) -> Response:
        """Cancels the order, as an employee in Clarity would."""
        return jsonify(self._clarity.cancel(id))

    def take_payments(self, id: str) -> tuple[Response, int]:
        """``{method, amount, status}``: takes a payment of the order; without a body all those that it lists."""
        return jsonify(self._clarity.take_payments(id, json_body() if request.content_length else {})), 201

    def change_payment(self, id: str) -> Response:
        """``{status}``: the payment is captured, voided, failed or charged_back."""
        body = json_body(("application/json", "application/merge-patch+json"))
        return jsonify(self._clarity.set_payment_status(id, body.get("status")))

    def register(self) -> tuple[Response, int]:
        """Stores a customer, with the id it brings or a new one."""
        return jsonify(self._clarity.register(json_body())), 201

    def correct(self, id: str) -> Response:
        """Changes any fields of a customer, as people at Clarity do."""
        return jsonify(self._clarity.correct(id, json_body(("application/json", "application/merge-patch+json"))))

    def merge(self, id: str) -> Response:
        """``{others}``: merges these customers into this one."""
        return jsonify(self._clarity.merge(id, list(json_body().get("others") or ())))

    def offer(self) -> tuple[Response, int]:
        """Stores a product, with the id it brings or a new one."""
        return jsonify(self._clarity.offer(json_body())), 201

    def invent_products(self) -> tuple[Response, int]:
        """``{count, seed}``: as many made-up products as you like."""
        body = json_body()
        return jsonify(self._clarity.invent_products(_count(body), body.get("seed", 0))), 201

    def revise(self, id: str) -> Response:
        """Changes any fields of a product, as people at Clarity do."""
        return jsonify(self._clarity.revise(id, json_body(("application/json", "application/merge-patch+json"))))

    def withdraw(self, id: str) -> Response:
        """Deletes a product, as people at Clarity do."""
        return jsonify(self._clarity.withdraw(id))

    def ask_return(self, id: str) -> tuple[Response, int]:
        """``{lines: [{orderLineId, quantity, reason}]}``: the customer asks to send these goods of the order back."""
        return jsonify(self._clarity.ask_return(id, json_body())), 201

    def decide_return(self, id: str) -> Response:
        """``{status: approved}`` or ``rejected``, or any other fields: what people at Clarity decide of a return."""
        return jsonify(self._clarity.decide_return(id, json_body(("application/json", "application/merge-patch+json"))))


class Erp:
    """Failures of a fake Odoo, and the ageing of its orders, below a path."""

    def __init__(self, odoo: Odoo, path: str = "/odoo") -> None:
        self._odoo = odoo
        self._path = path

    def routes(self) -> Routes:
        yield "POST", f"{self._path}/failures", self.fail
        yield "POST", f"{self._path}/advance", self.advance
        yield "POST", f"{self._path}/late", self.set_back
        yield "POST", f"{self._path}/stock", self.count
        yield "PATCH", f"{self._path}/contacts/<int:id>", self.correct_contact
        yield "PATCH", f"{self._path}/products/<int:id>", self.correct_product
        yield "PATCH", f"{self._path}/products/template/<int:id>", self.correct_template

    def fail(self) -> tuple[Response, int]:
        """``{name, times, model, method}``: the next calls fail as `Odoo.fail_next` has it."""
        try:
            self._odoo.fail_next(**json_body())
        except TypeError as error:
            raise invalid(("", str(error))) from error
        return jsonify({"status": "planted"}), 201

    def advance(self) -> Response:
        """``{orders, steps}`` and the manner: the confirmed orders (these: by name, external id or id) move on.

        To shipped, billed and paid; the manner is that of `fulfilment.Manner`.
        """
        body = json_body() if request.content_length else {}
        orders, steps = _extent(body)
        try:
            return jsonify(self._odoo.advance(orders, steps, OdooManner(**body)))
        except (OdooError, TypeError) as error:
            raise invalid(("", str(error))) from error

    def set_back(self) -> Response:
        """``{model, id, seconds}``: the record's write_date is set back, as if its transaction had ended only now."""
        try:
            return jsonify(self._odoo.set_back(**json_body()))
        except (OdooError, TypeError) as error:
            raise invalid(("", str(error))) from error

    def count(self) -> Response:
        """``{sku: quantity}``: so much of each product is there now, as people count it."""
        try:
            return jsonify(self._odoo.count(json_body()))
        except (OdooError, TypeError, ValueError) as error:
            raise invalid(("", str(error))) from error

    def correct_contact(self, id: int) -> Response:
        """Changes any fields of a contact, as people at Odoo do."""
        return self._corrected("res.partner", id)

    def correct_product(self, id: int) -> Response:
        """Changes any fields of a product, as people at Odoo do."""
        return self._corrected("product.product", id)

    def correct_template(self, id: int) -> Response:
        """Changes what the variants of a product share."""
        return self._corrected("product.template", id)

    def _corrected(self, model: str, id: int) -> Response:
        try:
            return jsonify(self._odoo.correct(model, id, json_body()))
        except OdooError as error:
            raise invalid(("", str(error))) from error


class Pod:
    """Failures of a fake Fusion, and the ageing of its orders, below a path."""

    def __init__(self, fusion: Fusion, path: str = "/fusion") -> None:
        self._fusion = fusion
        self._path = path

    def routes(self) -> Routes:
        yield "POST", f"{self._path}/failures", self.fail
        yield "POST", f"{self._path}/advance", self.advance
        yield "PATCH", f"{self._path}/accounts/<id>", self.correct_account
        yield "PATCH", f"{self._path}/items/<id>", self.correct_item

    def fail(self) -> tuple[Response, int]:
        """``{name, times, path}``: the next calls fail as only Fusion fails."""
        try:
            self._fusion.fail_next(Failure(**json_body()))
        except (TypeError, ValueError) as error:
            raise invalid(("", str(error))) from error
        return jsonify({"status": "planted"}), 201

    def advance(self) -> Response:
        """``{orders, steps}`` and the manner: the open orders (of these keys) move on, to shipped, billed and paid.

        The manner is that of `fulfilment.Manner`.
        """
        body = json_body() if request.content_length else {}
        keys, steps = _extent(body)
        try:
            return jsonify(self._fusion.advance(keys, steps, Manner(**body)))
        except TypeError as error:
            raise invalid(("", str(error))) from error

    def correct_account(self, id: str) -> Response:
        """Changes what Receivables shows of an account, its VAT number for instance."""
        return jsonify({"sites": self._fusion.correct_account(id, json_body())})

    def correct_item(self, id: str) -> Response:
        """Changes the item with this number, its weight for instance, in every organization that it is in."""
        return jsonify({"organizations": self._fusion.correct_item(id, json_body())})


def _count(body: dict[str, Any]) -> int:
    count = body.get("count", 1)
    if not isinstance(count, int) or not 0 < count <= MOST_AT_ONCE:
        raise invalid(("/count", f"is a number from 1 to {MOST_AT_ONCE}"))
    return count


def _extent(body: dict[str, Any]) -> tuple[list[Any] | None, int]:
    """Which orders are to move (None: all) and by how many steps; taken out of ``body``."""
    orders, steps = body.pop("orders", None), body.pop("steps", 1)
    if not isinstance(steps, int) or not 0 < steps <= 20:
        raise invalid(("/steps", "is a number from 1 to 20"))
    if orders is not None and not isinstance(orders, list):
        raise invalid(("/orders", "is a list of orders"))
    return orders, steps


def _summary(order: dict[str, Any]) -> dict[str, Any]:
    total = order["totals"]["grandTotal"]
    return {"id": order["id"], "number": order["number"], "total": total, "currency": order["currency"]}


def of_added(system: Clarity | Odoo | Fusion, path: str) -> Routes:
    """The routes of a further system, below a path of its own."""
    match system:
        case Clarity():
            return Shop(system, path).routes()
        case Odoo():
            return Erp(system, path).routes()
    return Pod(system, path).routes()
