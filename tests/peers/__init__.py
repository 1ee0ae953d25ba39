"""The other side of the program's gateways: real servers that the tests start by themselves."""
