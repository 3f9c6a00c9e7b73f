"""`make prove`: the daemon's promises tried on this machine, by killing whatever can be killed while contacts come in."""
