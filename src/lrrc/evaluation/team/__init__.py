"""The team arena as a closed loop: who is called, with what, and whether the answer that is forwarded is right."""
