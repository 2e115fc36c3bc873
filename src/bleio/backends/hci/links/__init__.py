"""Links: ACL data, L2CAP channels, and all links of a controller."""
