"""The embedded arena: seeded task scripts, two local language models that play them, a verifier that judges."""
