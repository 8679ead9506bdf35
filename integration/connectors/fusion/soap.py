"""Fusion's SOAP services (SOAP 1.1, document/literal): requests as text, answers as the values that they hold.

Every object is one element in the service's own namespace; a find criterion is in ADF's.  A fault comes as HTTP 500
and says that nothing has taken effect: `errors.problem` reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as Xml

from integration.connectors.contract import Request

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
FINDING = "http://xmlns.oracle.com/adf/svc/types/"
HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}


@dataclass(frozen=True)
class Service:
    """Where a service is, and the namespaces of its operations and of its objects."""

    path: str
    operations: str
    objects: str

    def request(self, operation: str, *arguments: tuple[str, str, Any]) -> Request:
        """A call of the operation; an argument is its name, the namespace of its content, and that."""
        envelope = Xml.Element(f"{{{ENVELOPE}}}Envelope")
        body = Xml.SubElement(envelope, f"{{{ENVELOPE}}}Body")
        called = Xml.SubElement(body, f"{{{self.operations}}}{operation}")
        for name, namespace, content in arguments:
            _fill(Xml.SubElement(called, f"{{{self.operations}}}{name}"), namespace, content)
        return Request("POST", self.path, Xml.tostring(envelope, encoding="unicode"), HEADERS)


def _fill(element: Xml.Element, namespace: str, content: Any) -> None:
    """Writes a value, or the parts of an object; a list is its element repeated."""
    if not isinstance(content, dict):
        element.text = _allowed(str(content))
        return
    for name, value in content.items():
        for each in value if isinstance(value, list) else [value]:
            _fill(Xml.SubElement(element, f"{{{namespace}}}{name}"), namespace, each)


def _allowed(text: str) -> str:
    """The text without the characters that XML 1.0 forbids: one of them makes the whole request unreadable."""
    return "".join(char for char in text if char >= " " or char in "\t\n\r")


def values(body: bytes) -> list[dict[str, Any]]:
    """Each ``Value`` of an answer: its attributes as text, and its parts as a list of such rows for each name.

    Raises ValueError for what is no answer of a service.
    """
    if b"<!" in body:
        raise ValueError("a document type")
    try:
        envelope = Xml.fromstring(body)  # noqa: S314 - without a document type nothing is expanded
    except Xml.ParseError as error:
        raise ValueError("no XML") from error
    answers = envelope.findall(f"{{{ENVELOPE}}}Body/*")
    if len(answers) != 1 or not answers[0].tag.endswith("Response"):
        raise ValueError("not an answer")
    results = [each for each in answers[0] if _name(each) == "result"]
    return [_row(value) for result in results for value in result if _name(value) == "Value"]


def _row(element: Xml.Element) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for part in element:
        if len(part):
            row.setdefault(_name(part), []).append(_row(part))
        elif part.text:
            row[_name(part)] = part.text
    return row


def _name(element: Xml.Element) -> str:
    return element.tag.rpartition("}")[2]
