"""KEDA's door: the gRPC server and what it reads and replies."""
