"""A sandbox: fake systems over real HTTP, to try the fleet and to test it without anybody's shop or ERP.

Run as ``python -m integration.sandbox --config FILE``.  It imports nothing of the rest of the project, so that a
misunderstanding in the fleet cannot agree with itself here.  What it plays as Clarity is *our sandbox contract, not
the vendor's*.
"""
