"""Find out which columns hold personal data or secrets, from names, types and samples. Pure."""
