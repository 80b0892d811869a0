"""Bytes to messages and back, without I/O: RESP2 and RESP3 requests and replies."""
