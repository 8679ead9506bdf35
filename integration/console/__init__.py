"""The console: what operators, analysts and their managers look at, in a browser.

Its pages draw what `integration.operations` returns, and nothing of their own.  Every page works without JavaScript.
"""
