"""What the adapter does on the air: advertising, scanning, connecting, and under which address."""
