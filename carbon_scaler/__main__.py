"""`python -m carbon_scaler` is `carbon-scaler`."""

from carbon_scaler.cli.app import main

if __name__ == "__main__":
    main()
