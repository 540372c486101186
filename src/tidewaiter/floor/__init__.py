"""What the database itself refuses: rights that keep roles from tagged columns, as SQL to review and run. Pure."""
