"""The spool: notifications wait on the local disk while Redis does not take them."""
