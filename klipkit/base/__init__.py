"""Floor 1: errors, schema, config reading, output conventions, text: what every other floor may use."""
