"""Defects of calls over HTTP: time, connections that are used again, and what lies between us and a target."""

from __future__ import annotations

from tests.planted.defect import Defect

CONNECTORS = "integration/connectors/"
LINE = "tests/connectors/test_line.py::"
ROUTE = "tests/connectors/test_route.py::"

DEFECTS = [
    Defect(
        "a call's time is one for all its reads",
        f"{CONNECTORS}line.py",
        "        sock.settimeout(self._line.left())\n        return int",
        "        return int",
        "tests/connectors/test_deadline.py::test_a_call_ends_in_time_whatever_trickles_in[headers]",
        "time.monotonic",
    ),
    Defect(
        "a connection that was closed while idle is noticed",
        f"{CONNECTORS}route.py",
        " < LONGEST_IDLE and line.is_connected:",
        " < LONGEST_IDLE:",
        f"{LINE}test_a_connection_that_was_closed_while_idle_is_noticed_before_anything_is_sent",
        "the connection broke",
    ),
    Defect(
        "a call that was sent is not sent again",
        f"{CONNECTORS}route.py",
        "        except BaseException:\n            line.close()\n            raise\n",
        "        except BaseException:\n            line.close()\n"
        "            line = self._open(ends)\n            answered = line.ask(method, request, ends, largest)\n",
        f"{LINE}test_a_call_that_may_have_taken_effect_is_never_sent_again",
        "DID NOT RAISE",
    ),
    Defect(
        "what nobody asked for is not read as the next answer",
        f"{CONNECTORS}line.py",
        "answer.isclosed() and not self._incoming.peek()",
        "answer.isclosed()",
        f"{LINE}test_a_connection_that_is_not_to_be_used_again_is_not[more than was asked for]",
        "evil",
    ),
    Defect(
        "half an answer is none",
        f"{CONNECTORS}line.py",
        "        if answer.length and len(body) <= largest:\n",
        "        if False:\n",
        f"{LINE}test_half_an_answer_is_an_unknown_outcome[short]",
        "DID NOT RAISE",
    ),
    Defect(
        "a header cannot become two",
        f"{CONNECTORS}route.py",
        "not TOKEN.fullmatch(name) or not VALUE.fullmatch(value)",
        "not TOKEN.fullmatch(name)",
        f"{LINE}test_a_header_that_no_request_can_have_is_not_sent[two lines]",
        "DID NOT RAISE",
    ),
    Defect(
        "work side by side goes on while a call is under way",
        f"{CONNECTORS}http.py",
        "return side_by_side.aside(lambda: self._send(request, headers, size, manner))",
        "return self._send(request, headers, size, manner)",
        f"{LINE}test_calls_of_work_side_by_side_are_under_way_at_the_same_time",
        "BrokenBarrierError|the connection broke|no answer in time",
    ),
    Defect(
        "credentials are for the target, not for the proxy before it",
        f"{CONNECTORS}route.py",
        "            line.set_tunnel(host, self._port, headers=self._login(), scheme=str(first.scheme))\n",
        "            line.set_tunnel(host, self._port, scheme=str(first.scheme))\n",
        f"{ROUTE}test_a_tunnel_through_a_proxy[http]",
        "proxy-authorization: basic",
        also=((f"{CONNECTORS}route.py", "if self._forwards else {}\n", "\n"),),
    ),
    Defect(
        "nothing is sent to whom nobody vouches for",
        f"{CONNECTORS}route.py",
        "    context = create_urllib3_context()\n",
        "    context = create_urllib3_context(cert_reqs=ssl.CERT_NONE)\n",
        f"{ROUTE}test_nothing_is_sent_to_whom_nobody_vouches_for[localhost]",
        "DID NOT RAISE",
    ),
]
