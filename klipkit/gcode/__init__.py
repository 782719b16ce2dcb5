"""Floor 2: text to words to commands; knows no machine."""
