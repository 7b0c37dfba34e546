"""The spool: notifications are kept on the local disk while Redis cannot take them."""
