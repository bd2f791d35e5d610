"""KEDA's generated stubs, made by `make proto`."""
