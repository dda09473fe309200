"""The Model Context Protocol: the function tools, resources and calls of one identity for any MCP host.

Needs the extra `mcp`.
"""
