"""The relational records that services share, and the functions that alone may change them."""
