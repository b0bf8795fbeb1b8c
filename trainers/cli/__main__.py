"""`python -m trainers.cli`: a run is started so, by the process that launches it."""

from trainers.cli import main

if __name__ == "__main__":
    main()
