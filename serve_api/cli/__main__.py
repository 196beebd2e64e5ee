"""``python -m serve_api.cli`` is the `fedray` command."""

from serve_api.cli.main import main

if __name__ == "__main__":
    main()
