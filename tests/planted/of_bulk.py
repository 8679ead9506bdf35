"""Defects in how calls are saved: what is asked together, and what is remembered."""

from __future__ import annotations

from tests.planted.defect import Defect

ODOO = "integration/connectors/odoo/"
JOINED = "tests/connectors/test_odoo_joined.py::"
FUSION = "tests/connectors/test_fusion_calls.py::"
LOOKUPS = "tests/connectors/test_odoo_lookups.py::"
BULK = "tests/connectors/test_odoo_bulk.py::"

DEFECTS: list[Defect] = [
    Defect(
        "a refused bulk call is asked again in parts",
        f"{ODOO}bulk.py",
        "            if len(requests) == 1:\n                return [refusal]\n            named = []\n",
        "            return [refusal] * len(requests)\n",
        f"{JOINED}test_a_refused_call_is_halved_until_each_bad_one_has_its_own_reason[bad0]",
    ),
    Defect(
        "a bulk call of unknown outcome is not asked again",
        f"{ODOO}bulk.py",
        "        except (Hold, Reject) as refusal:\n",
        "        except Failure as refusal:\n",
        f"{JOINED}test_an_unknown_outcome_is_that_of_all_who_shared_the_call",
    ),
    Defect(
        "those that Odoo names are asked alone",
        f"{ODOO}bulk.py",
        '            raise _Refused(self._named(requests, answer["messages"]))\n',
        "            raise _Refused\n",
        f"{BULK}test_one_bad_order_costs_the_others_no_call_of_their_own[sandbox json2]",
        "sizes",
    ),
    Defect(
        "each load gets the ids of its own records",
        f"{ODOO}bulk.py",
        'Rows(answer["ids"][end - count : end])',
        'Rows(answer["ids"][:count])',
        f"{BULK}test_a_batch_of_new_orders_takes_six_calls[sandbox json2]",
    ),
    Defect(
        "only loads with the same columns are one",
        f"{ODOO}bulk.py",
        "        key = (self, request.path, _but(request, kind.varies))\n",
        "        key = (self, request.path)\n",
        f"{JOINED}test_a_load_gets_the_ids_of_its_own_records_only",
    ),
    Defect(
        "one confirmation at a time is under way in the whole fleet",
        "integration/throttle.lua",
        "  if now < get('alone_until') and not is_alone() then return answer('later', ALONE_RETRY) end\n",
        "",
        "tests/throttle/test_throttle.py::test_of_calls_that_go_alone_one_is_under_way_in_the_whole_fleet",
        "assert False",
    ),
    Defect(
        "a confirmation is what goes alone",
        f"{ODOO}effort.py",
        'return request.path.endswith("/action_confirm")',
        "return False",
        "tests/connectors/test_odoo.py::test_a_confirmation_is_the_only_one_under_way[sandbox json2]",
        "assert 0 == 1",
    ),
    Defect(
        "a worker that dies while it confirms keeps the others waiting for a lease only",
        "integration/throttle.lua",
        "  redis.call('HSET', target, 'alone', holder, 'alone_until', now + lease)\n",
        "  redis.call('HSET', target, 'alone', holder, 'alone_until', now + 60000)\n",
        "tests/throttle/test_throttle.py::test_the_call_of_a_hop_that_is_gone_keeps_nobody_waiting_for_longer_than_a_lease",
        "'later' == 'go'",
    ),
    Defect(
        "each search gets what it has found itself",
        f"{ODOO}bulk.py",
        'if searches.finds(request.body["domain"], row)]',
        "]",
        f"{JOINED}test_each_search_gets_the_rows_that_it_finds",
    ),
    Defect(
        "a row that nobody has found makes each ask for itself",
        f"{ODOO}bulk.py",
        " or len(found) < len(answer):\n",
        ":\n",
        f"{JOINED}test_a_row_that_no_search_has_found_makes_each_ask_for_itself",
    ),
    Defect(
        "a window confirms no order of several",
        f"{ODOO}bulk.py",
        "        if answer is not True:\n            raise _Refused\n",
        "",
        f"{JOINED}test_a_window_that_asks_something_confirms_none_of_several",
    ),
    Defect(
        "equal effects are effects of their own",
        f"{ODOO}bulk.py",
        "        return self._joined(kind, request) if kind else self._send(request, 1)\n",
        "        return self.look(request)\n",
        f"{JOINED}test_the_very_same_effect_is_not_taken_for_one",
    ),
    Defect(
        "a carrier that is not there is not asked for by every order",
        f"{ODOO}catalog.py",
        "return kept if time.monotonic()",
        "return kept if kept and time.monotonic()",
        f"{LOOKUPS}test_what_is_not_there_and_bothers_nobody_is_remembered_for_a_while[sandbox json2]",
        "calls == 0|assert 1 == 0",
    ),
    Defect(
        "what is not there is not remembered as long as what is",
        f"{ODOO}catalog.py",
        "(SLOW_SECONDS if kept else ABSENT_SECONDS)",
        "SLOW_SECONDS",
        f"{LOOKUPS}test_what_is_not_there_and_bothers_nobody_is_remembered_for_a_while[sandbox json2]",
    ),
    Defect(
        "after a try of unknown outcome Fusion is asked before an order is created",
        "integration/connectors/fusion/order/post.py",
        'self._work.perform("order.create", request, send, send_if_absent)',
        'self._work.perform("order.create", request, send)',
        f"{FUSION}test_after_a_try_of_unknown_outcome_the_order_is_looked_up_and_not_created",
        "POST",
    ),
    Defect(
        "a repeat is sent by what looks first",
        "tasks/work.py",
        "again if again and tried else send",
        "send",
        "tests/road/test_work.py::test_only_after_an_unknown_outcome_it_is_sent_by_what_looks_first",
    ),
    Defect(
        "an order that Fusion has is found whatever the refusal's words",
        "integration/connectors/fusion/order/post.py",
        "        except Reject:\n            found",
        "        except AlreadyThere:\n            found",
        f"{FUSION}test_an_order_that_is_there_is_found_after_any_refusal",
    ),
    Defect(
        "an order with a crossref is not created",
        "integration/connectors/fusion/order/post.py",
        'self._look() if self._work.known("order", self._document["key"]) else None',
        "None",
        f"{FUSION}test_an_order_with_a_crossref_is_looked_up_first",
    ),
    Defect(
        "what was created earlier in the round is looked at",
        "integration/connectors/fusion/order/post.py",
        "        return self._compared(created[0]) if created else self._ensure_shown(self._shown())\n",
        "        return self._compared(created[0] if created else self._shown())\n",
        f"{FUSION}test_what_was_created_earlier_in_the_round_is_brought_up_to_date",
    ),
    Defect(
        "a refused site is looked up afresh",
        "integration/connectors/fusion/order/post.py",
        "        site.directory.forget()  # a site that is remembered may not be there any more\n",
        "",
        f"{FUSION}test_a_site_that_is_not_there_any_more_is_looked_up_afresh",
    ),
    Defect(
        "only items that are there are remembered",
        "integration/connectors/fusion/order/items.py",
        "        for sku in there:\n",
        "        for sku in skus:\n",
        f"{FUSION}test_an_item_that_was_unknown_is_asked_for_again",
    ),
    Defect(
        "pieces of a piece let the others go on",
        "integration/side_by_side.py",
        "    if isinstance(getcurrent(), _Piece):\n        return [outcome",
        "    if False:\n        return [outcome",
        "tests/test_side_by_side.py::test_pieces_of_a_piece_run_one_after_the_other_and_the_others_go_on",
    ),
    Defect(
        "a bulk call has more time",
        "integration/connectors/http.py",
        "self._timeout * (1 + (size - 1) / 8)",
        "self._timeout",
        "tests/connectors/test_deadline.py::test_a_bulk_call_has_an_eighth_more_for_each_further_object",
    ),
]
