"""Ready problems: a network, an accelerator, what to minimise, and what is known about the answer."""
