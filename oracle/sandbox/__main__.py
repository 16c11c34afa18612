"""`python -m oracle.sandbox up`: the sandbox without the rest of the command line."""

from oracle.sandbox.commands import app

if __name__ == "__main__":
    app()
