"""API Gateway on one machine: the template's REST and WebSocket APIs on one port."""
