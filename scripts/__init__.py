"""What `make` runs besides the tools: `python -m scripts.<name>`, from the repository's root."""
