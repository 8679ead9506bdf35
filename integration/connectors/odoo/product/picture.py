"""The picture of a product in Odoo: fetched once for each URL, and written to the record or to the template.

What a person puts in its place stays until Clarity has another URL.
"""

from __future__ import annotations

import base64
import hashlib

from integration.connectors import pictures
from integration.connectors.contract import Document, Posted, Work
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.external import find, xmlid
from integration.connectors.odoo.product.identity import ENTITY, MODEL
from integration.connectors.odoo.product.several import TEMPLATE
from integration.connectors.odoo.site import Site
from integration.errors import Hold, Needs
from integration.systems import variable

PICTURE = "product_picture"
HOSTS = "picture_hosts"
FIELD = "image_1920"
EFFECT = "picture.update"


def post_picture(site: Site, document: Document, work: Work) -> Posted:
    """Lets the product show the picture of this URL; document: {key, url}.

    The crossref has the record and a hash of the URL whose picture it was given: the same is not fetched again.
    """
    product = _product(site.client, document["key"], work)
    if product is None:
        raise Needs(ENTITY, document["key"])
    theirs = _theirs(product, document["url"])
    if work.known(PICTURE, document["key"]) == theirs:
        work.found(EFFECT, f"{product} was given the picture of this URL")
        return Posted(theirs, None)
    content = base64.b64encode(_fetched(site, document["url"])).decode()
    *of_several, id = product.split("/")
    request = site.client.request(TEMPLATE if of_several else MODEL, "write", [int(id)], vals={FIELD: content})
    work.perform(EFFECT, request, site.client.send)
    return Posted(theirs, None)


def shown_picture(site: Site, document: Document, work: Work) -> Document | None:
    """The URL, where the product was given its picture; None where it was given none."""
    product = _product(site.client, document["key"], work)
    known = work.known(PICTURE, document["key"])
    if product is None or known is None:
        return None
    return {"url": document["url"] if known == _theirs(product, document["url"]) else None}


def _product(client: Client, key: str, work: Work) -> str | None:
    """The product's id there, "template/60" for one with variants."""
    if known := work.known(ENTITY, key):
        return known
    if template := find(client, xmlid("product_template", key)):
        return f"template/{template}"
    id = find(client, xmlid(ENTITY, key))
    return str(id) if id else None


def _theirs(product: str, url: str) -> str:
    return f"{product} {hashlib.sha256(url.encode()).hexdigest()[:16]}"


def _fetched(site: Site, url: str) -> bytes:
    name = variable(site.system.name, HOSTS)
    hosts = pictures.places(site.system.options.get(HOSTS, ""))
    if not hosts:
        raise Hold(
            f"the picture of the product is not taken: {name} names no host",
            hint=f"Set {name} to the hosts of Clarity's pictures, between commas, and run `fleet restart`. {{again}}",
            code="picture_refused",
        )
    return pictures.fetch(url, hosts, name)
