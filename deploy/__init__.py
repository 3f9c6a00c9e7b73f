"""How priyom is run in earnest: units, containers, proxies, monitoring; and several processes tried on one machine."""
