"""ATT PDUs in words: `pdus` is the table of them, `ends` what the two sides remember."""
