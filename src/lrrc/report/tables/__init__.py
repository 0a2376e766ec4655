"""Tables, as text, CSV and HTML."""
