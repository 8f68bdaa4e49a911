"""`python -m bench`: see README.md beside this file."""

from bench.run import main

if __name__ == "__main__":
    main()
