"""`python -m elman` is `elman`."""

from .cli import main

if __name__ == "__main__":
    main()
