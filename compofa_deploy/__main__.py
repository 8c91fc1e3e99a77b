"""``python -m compofa_deploy`` is ``compofa``."""

from compofa_deploy.cli import main

if __name__ == "__main__":
    main()
