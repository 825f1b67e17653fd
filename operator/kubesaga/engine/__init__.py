"""The pure engine: plan, resolve, execute, keep state. No I/O, no clock, no chance.

One function ties it: `kubesaga.engine.reconcile.reconcile`.
"""
