"""What the parsing benchmark is made of: the olmOCR checks, generated documents with known truth, hostile files."""
