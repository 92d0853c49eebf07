"""The portal: one folder per module of the vaccination system, joined in `app`."""
