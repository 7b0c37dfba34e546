"""Get SMS, Send SMS and Get SMS Delivery Status, in AT&T's signature and in GSMA OneAPI's."""
