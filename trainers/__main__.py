"""`python -m trainers` is the headless part of `icseg`."""

from trainers.cli import main

main()
