"""The truth, in Postgres: messages, deliveries, attempts, crossrefs, definitions, installations and their ledger.

Each module is one noun.  Its functions take a `Transaction` and never commit: what belongs together is written
together by whoever opened the transaction.  Bodies and documents pass through here encrypted.
"""
