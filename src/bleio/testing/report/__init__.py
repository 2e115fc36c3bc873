"""What pytest prints of a test that failed in a world."""
