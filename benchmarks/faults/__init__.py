"""Counted promises: what is kept stays kept, whatever is killed, cut, lied about, shuffled or filled up."""
