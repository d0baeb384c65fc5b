"""Everything a notebook needs: the magic, the live view and the waiting."""
