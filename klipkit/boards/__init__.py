"""Floor 2: chips, board families, USB ids and pin tables, as data files and their loaders."""
