"""The carriers we are the receiving end of. One more carrier: one module and its line here."""
