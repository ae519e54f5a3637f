"""Who leads, in virtual time: races, lost answers, an API server that is down, a Lease that somebody else touches."""
