"""`python -m agent` is `augplan`."""

from agent.cli import main

main()
